import type { KubeMQError } from "../../api/errors.js";
import type { OutgoingQueueMessage } from "../../api/queues/message.js";
import type { Connection } from "../../connection/connection.js";
import { pingMethod, pingRequest } from "../../connection/wire.js";
import type { Subject } from "../../support/checks.js";
import { connectionLost, serverError, toKubeMQError } from "../../support/faults.js";
import type { SettleHandle, SettleKind } from "../delivery.js";
import { alreadySettled, leaseLost, outcomeUnknown } from "../settle-fault.js";
import type { WireQueueMessage } from "../wire.js";
import { Asks } from "./asks.js";
import { LeaseCall } from "./call.js";
import { Visibility } from "./visibility.js";
import type { HeldAsk, WireLeaseResponse } from "./wire.js";

/** Seconds that a call waits for its message, which a peek has found. */
const WAIT_SECONDS = 1;

/** Milliseconds for a sign of life after a call ended without the answer to its settlement. */
const CONFIRM_MS = 5_000;

/** Timer errors: lease expired, empty wait. They carry the type and id of the last request. */
const VISIBILITY_EXPIRED = 129;

const NOTHING_CAME = 138;

export interface LeaseOwner {
  readonly connection: Connection;
  readonly subject: Subject;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  prepare(message: OutgoingQueueMessage): WireQueueMessage;
  /** A message has arrived. */
  leased(lease: Lease, message: WireQueueMessage): void;
  /** The wait ended without a message. */
  empty(lease: Lease): void;
  /** The message was settled, or its lease was lost. */
  concluded(lease: Lease): void;
  failed(lease: Lease, error: KubeMQError): void;
}

type State =
  | { readonly kind: "waiting" }
  | { readonly kind: "held" | "settling"; readonly sequence: bigint }
  | { readonly kind: "settled" }
  | { readonly kind: "lost"; readonly error: KubeMQError };

/**
 * One message of a StreamQueueMessage call. The call waits for the message, holds it under the
 * server's visibility timer, and ends with it. Nothing is sent between the receive request and the
 * message, because a server applies the visibility of the last request.
 */
export class Lease implements SettleHandle {
  readonly #owner: LeaseOwner;
  readonly #call: LeaseCall;
  readonly #visibility: Visibility;
  readonly #asks: Asks;
  #state: State = { kind: "waiting" };
  #sequence = 0n;
  #abort: AbortController | undefined;
  #over = false;

  constructor(owner: LeaseOwner) {
    this.#owner = owner;
    const { connection, subject, visibilitySeconds, autoExtend } = owner;
    this.#call = new LeaseCall(connection, subject);
    this.#asks = new Asks(
      connection,
      subject,
      (ask) => this.#call.write(ask),
      (error) => this.#lose(error),
    );
    const over = () => this.#lose(connectionLost(subject, "the visibility time is over")); // promise: lease-clock
    // promise: auto-extend
    this.#visibility = new Visibility(connection.clock, over, autoExtend ? () => this.#extendAlone() : undefined);
    this.#call.write({ kind: "receive", channel: subject.channel ?? "", visibilitySeconds, waitSeconds: WAIT_SECONDS });
    this.#call.open({
      message: (response) => {
        this.#received(response);
        return true;
      },
      end: (error) => void this.#ended(error),
    });
  }

  get isHeld(): boolean {
    return this.#state.kind === "held" || this.#state.kind === "settling";
  }

  /** Whether a settlement of the message awaits its answer. */
  get isSettling(): boolean {
    return this.#state.kind === "settling";
  }

  get isSettled(): boolean {
    return this.#state.kind === "settling" || this.#state.kind === "settled";
  }

  /** Resolves when the server has ended the call. */
  get end(): Promise<void> {
    return this.#call.end;
  }

  get subject(): Subject {
    return this.#owner.subject;
  }

  get leasedUntil(): Date {
    return this.#visibility.until;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#state.kind === "lost") this.#abort.abort(this.#state.error);
    }
    return this.#abort.signal;
  }

  settle(kind: SettleKind, channel = ""): Promise<void> {
    return this.#settle((sequence) => (kind === "requeue" ? { kind, sequence, channel } : { kind, sequence }));
  }

  replace(message: WireQueueMessage): Promise<void> {
    return this.#settle((sequence) => ({ kind: "replace", sequence, message }));
  }

  async #settle(askFor: (sequence: bigint) => HeldAsk): Promise<void> {
    const sequence = this.#heldSequence();
    const ask = askFor(sequence);
    this.#state = { kind: "settling", sequence };
    this.#visibility.pauseExtending();
    try {
      await this.#asks.ask(ask);
    } catch (error) {
      // The server refused and still holds the message. It can be settled in another way.
      if (this.isSettling) {
        this.#state = { kind: "held", sequence }; // promise: lease-refusal-keeps
        this.#visibility.resumeExtending(); // promise: lease-refusal-extends
      }
      throw error;
    }
    this.#state = { kind: "settled" };
    this.#finish();
    this.#owner.concluded(this);
  }

  async extend(seconds: number): Promise<Date> {
    const sequence = this.#heldSequence();
    const from = this.#owner.connection.clock.now();
    await this.#asks.ask({ kind: "extend", sequence, visibilitySeconds: seconds });
    this.#leaseFrom(from, seconds);
    return this.leasedUntil;
  }

  /** The loop has finished with the message. Its lease is no longer extended. */
  stopExtending(): void {
    this.#visibility.stopExtending();
  }

  /**
   * Ends the call. The server moves the message to the end of the queue and counts one more
   * delivery.
   */
  cancel(): void {
    this.#lose(connectionLost(this.#owner.subject, "the stream was left"), false);
  }

  #heldSequence(): bigint {
    const state = this.#state;
    if (state.kind === "held") return state.sequence;
    if (state.kind === "lost") throw leaseLost(this.subject, this.#sequence, state.error);
    throw alreadySettled(this.subject, this.#sequence);
  }

  async #ended(cause: unknown): Promise<void> {
    const { subject } = this.#owner;
    if (cause === undefined) {
      // An expiry can be lost in the same way. The message is then at the end of the queue.
      if (this.isSettling && !this.#visibility.isOver) await this.#confirmBySign(); // promise: lease-answer-lost
      this.#lose(connectionLost(subject, "the server ended the stream"));
    } else this.#lose(toKubeMQError(cause, subject));
    this.#call.ended();
  }

  /**
   * A community server (v2.4.0) sometimes loses the answer to a settlement and ends the call with
   * OK. The message is always settled then. The settlement therefore counts as done if the server
   * answers a ping.
   */
  async #confirmBySign(): Promise<void> {
    const { connection, subject } = this.#owner;
    try {
      const call = { operation: subject.operation, timeoutMs: CONFIRM_MS, background: true };
      await connection.unary(pingMethod, pingRequest, call);
    } catch {
      return;
    }
    this.#asks.resolveSettlements();
    await Promise.resolve(); // the settlement ends first
  }

  #received(response: WireLeaseResponse): void {
    if (this.#over) return;
    const { subject } = this.#owner;
    const waits = this.#state.kind === "waiting";
    if (response.IsError) {
      const error = serverError(response.Error, subject);
      if (error.serverCode === NOTHING_CAME || error.serverCode === VISIBILITY_EXPIRED) {
        return waits ? this.#endEmpty() : this.#lose(error);
      }
      const pending = this.#asks.answered(response.RequestID);
      if (pending !== undefined) pending.reject(error);
      else if (waits) this.#lose(error);
      return;
    }
    if (waits && response.Message !== undefined) {
      this.#sequence = response.Message.Attributes?.Sequence ?? 0n;
      this.#state = { kind: "held", sequence: this.#sequence };
      const { visibilitySeconds, connection } = this.#owner;
      this.#leaseFrom(connection.clock.now(), visibilitySeconds);
      this.#owner.leased(this, response.Message);
    } else this.#asks.answered(response.RequestID)?.resolve();
  }

  #leaseFrom(from: number, seconds: number): void {
    if (!this.isHeld) return;
    this.#visibility.begin(from, seconds);
    if (this.isSettling) this.#visibility.pauseExtending();
  }

  #extendAlone(): void {
    if (this.#state.kind !== "held") return;
    this.extend(this.#owner.visibilitySeconds).catch(() => {}); // the end of the lease reports a failure
  }

  #endEmpty(): void {
    this.#finish();
    this.#owner.empty(this); // promise: empty-wait-repeated
  }

  /** The message is no longer held, for any reason. */
  #lose(error: KubeMQError, tell = true): void {
    if (this.#over) return;
    const state = this.#state;
    const { subject } = this.#owner;
    if (state.kind === "waiting") {
      this.#finish();
      this.#call.cancel();
      if (tell) this.#owner.failed(this, error);
      return;
    }
    if (state.kind === "settled" || state.kind === "lost") return;
    const { sequence } = state;
    this.#state = { kind: "lost", error: leaseLost(subject, sequence, error) };
    this.#asks.rejectAll((ask) => {
      const isLost = ask.kind === "extend" || error.code === "LEASE_LOST"; // promise: lease-outcome-unknown
      if (isLost) return leaseLost(subject, sequence, error);
      return outcomeUnknown(subject, sequence, "the stream ended without an answer", error);
    });
    this.#abort?.abort(this.#state.error); // promise: lease-signal
    this.#finish();
    this.#call.cancel();
    this.#owner.concluded(this);
  }

  #finish(): void {
    this.#over = true;
    this.#visibility.end();
    this.#call.finish();
  }
}
