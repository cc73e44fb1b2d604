import type { Codec } from "../codec.js";
import type { KubeMQError } from "../errors.js";
import type { LeasedDelivery, OutgoingQueueMessage } from "../queue-message.js";
import { checkInteger, checkStoredChannel, type Subject } from "./check.js";
import { LIMITS } from "./check-queues.js";
import type { Connection } from "./connection.js";
import { cancelled, connectionLost, serverError, toKubeMQError } from "./fault.js";
import { alreadySettled, leaseLost, noConfirmation, outcomeUnknown } from "./settle-fault.js";
import { Uplink } from "./uplink.js";
import {
  leaseRequest,
  ReceivedQueueMessage,
  streamQueueMessageMethod,
  type LeaseAsk,
  type WireLeaseRequest,
  type WireLeaseResponse,
  type WireQueueMessage,
} from "./wire-queues.js";

/** How long a call waits for its message before it is made anew. */
const WAIT_SECONDS = 20;
/** How long after the end of a lease, as seen here, the server's word of it is waited for. */
const LEASE_GRACE_MS = 250;
/** How long the server may take to end a call whose message is settled. */
const END_GRACE_MS = 1_000;

/** Timer errors: the lease is over; nothing came in time. They carry the type and the id of whatever was asked last. */
const VISIBILITY_EXPIRED = 129;
const NOTHING_CAME = 138;

export interface LeaseOwner {
  readonly connection: Connection;
  readonly subject: Subject;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  prepare(message: OutgoingQueueMessage): WireQueueMessage;
  /** A message has come. */
  leased(lease: Lease, message: WireQueueMessage): void;
  /** The wait is over without one. */
  empty(lease: Lease): void;
  /** The message is settled, or the lease of it lost. */
  concluded(lease: Lease): void;
  failed(lease: Lease, error: KubeMQError): void;
}

interface Pending {
  readonly kind: LeaseAsk["kind"];
  resolve(): void;
  reject(error: KubeMQError): void;
}

type State =
  | { readonly kind: "waiting" }
  | { readonly kind: "held"; readonly sequence: bigint }
  | { readonly kind: "settling"; readonly sequence: bigint }
  | { readonly kind: "settled"; readonly sequence: bigint }
  | { readonly kind: "lost"; readonly sequence: bigint; readonly error: KubeMQError };

/**
 * One StreamQueueMessage call: it waits for one message, holds it under the server's visibility timer, and ends with it. Nothing
 * is sent between the receive request and the message, since a server takes the visibility of whatever was asked last.
 */
export class Lease {
  readonly #owner: LeaseOwner;
  readonly #uplink = new Uplink<WireLeaseRequest>();
  readonly #controller = new AbortController();
  readonly #pending = new Map<string, Pending>();
  #state: State = { kind: "waiting" };
  #requests = 0;
  #endsAt = 0;
  #extendSeconds: number | undefined;
  #cancelEnd: (() => void) | undefined;
  #cancelExtend: (() => void) | undefined;
  #cancelGrace: (() => void) | undefined;
  #abort: AbortController | undefined;
  #over = false;

  constructor(owner: LeaseOwner) {
    this.#owner = owner;
    const { connection, subject, visibilitySeconds } = owner;
    const ask = {
      kind: "receive",
      channel: subject.channel ?? "",
      visibilitySeconds,
      waitSeconds: WAIT_SECONDS,
    } as const;
    this.#write(ask);
    void this.#read(connection.stream(streamQueueMessageMethod, this.#uplink, this.#controller.signal, subject));
  }

  get isHeld(): boolean {
    return this.#state.kind === "held" || this.#state.kind === "settling";
  }

  /** Whether an answer is awaited that settles the message. */
  get isSettling(): boolean {
    return this.#state.kind === "settling";
  }

  get settled(): boolean {
    return this.#state.kind === "settling" || this.#state.kind === "settled";
  }

  get leasedUntil(): Date {
    return new Date(Date.now() + this.#endsAt - this.#owner.connection.clock.now());
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#state.kind === "lost") this.#abort.abort(this.#state.error);
    }
    return this.#abort.signal;
  }

  async settle(ask: LeaseAsk): Promise<void> {
    const { sequence } = this.#held();
    this.#state = { kind: "settling", sequence };
    this.#stopExtending();
    try {
      await this.#ask(ask);
    } catch (error) {
      // The server refused and holds the message still; so it can be settled otherwise.
      if (this.#state.kind === "settling") this.#state = { kind: "held", sequence };
      throw error;
    }
    this.#state = { kind: "settled", sequence };
    this.#conclude();
  }

  async extend(seconds: number): Promise<Date> {
    const { sequence } = this.#held();
    const from = this.#owner.connection.clock.now();
    await this.#ask({ kind: "extend", sequence, visibilitySeconds: seconds });
    this.#leaseFrom(from, seconds);
    return this.leasedUntil;
  }

  /** The loop is done with the message: its lease is not extended any more. */
  stopExtending(): void {
    this.#extendSeconds = undefined;
    this.#stopExtending();
  }

  /** Ends the call: the server puts the message to the end of the queue, with one delivery more. */
  cancel(): void {
    this.#lose(connectionLost(this.#owner.subject, "the stream was left"), false);
  }

  #held(): { readonly sequence: bigint } {
    const state = this.#state;
    const { subject } = this.#owner;
    if (state.kind === "held") return state;
    if (state.kind === "lost") throw leaseLost(subject, state.sequence, state.error);
    throw alreadySettled(subject, state.kind === "waiting" ? 0n : state.sequence);
  }

  #write(ask: LeaseAsk): string {
    this.#requests += 1;
    const id = String(this.#requests);
    const { clientId } = this.#owner.connection.options;
    this.#uplink.send(leaseRequest(id, clientId, ask))?.catch(() => {}); // the end of the call is seen where it is read
    return id;
  }

  #ask(ask: LeaseAsk): Promise<void> {
    const { connection, subject } = this.#owner;
    return new Promise((resolve, reject) => {
      const id = this.#write(ask);
      const cancelTimer = connection.clock.setTimer(connection.options.timeoutMs, () => {
        this.#pending.delete(id);
        const sequence = "sequence" in ask ? ask.sequence : 0n;
        reject(noConfirmation(subject, sequence));
        if (ask.kind !== "extend") this.#lose(noConfirmation(subject, sequence));
      });
      this.#pending.set(id, {
        kind: ask.kind,
        resolve: () => {
          cancelTimer();
          resolve();
        },
        reject: (error) => {
          cancelTimer();
          reject(error);
        },
      });
    });
  }

  async #read(answers: AsyncIterable<readonly WireLeaseResponse[]>): Promise<void> {
    const { subject } = this.#owner;
    let error: KubeMQError;
    try {
      for await (const responses of answers) for (const response of responses) this.#received(response);
      error = connectionLost(subject, "the server ended the stream");
    } catch (cause) {
      error = toKubeMQError(cause, subject);
    }
    this.#lose(error);
    this.#cancelGrace?.();
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
      const pending = this.#answered(response.RequestID);
      if (pending !== undefined) pending.reject(error);
      else if (waits) this.#lose(error);
      return;
    }
    if (waits && response.Message !== undefined) {
      this.#state = { kind: "held", sequence: response.Message.Attributes?.Sequence ?? 0n };
      const { autoExtend, visibilitySeconds, connection } = this.#owner;
      if (autoExtend) this.#extendSeconds = visibilitySeconds;
      this.#leaseFrom(connection.clock.now(), visibilitySeconds);
      this.#owner.leased(this, response.Message);
    } else this.#answered(response.RequestID)?.resolve();
  }

  #answered(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Timers by the clock that never jumps; the server's own word usually comes first. */
  #leaseFrom(from: number, seconds: number): void {
    if (!this.isHeld) return;
    const { clock } = this.#owner.connection;
    this.#endsAt = from + seconds * 1_000;
    this.#cancelEnd?.();
    const leftMs = this.#endsAt - clock.now();
    this.#cancelEnd = clock.setTimer(Math.max(1, leftMs + LEASE_GRACE_MS), () => {
      this.#lose(connectionLost(this.#owner.subject, "the visibility time is over"));
    });
    this.#cancelExtend?.();
    const extendSeconds = this.#extendSeconds;
    if (extendSeconds === undefined || this.#state.kind !== "held") return;
    // At half of the time, so that one answer that is late does no harm.
    this.#cancelExtend = clock.setTimer(Math.max(1, leftMs / 2), () => {
      if (this.#state.kind === "held") this.extend(extendSeconds).catch(() => {}); // the end of the lease tells
    });
  }

  #stopExtending(): void {
    this.#cancelExtend?.();
    this.#cancelExtend = undefined;
  }

  #endEmpty(): void {
    this.#finish();
    this.#owner.empty(this);
  }

  /** The message is not held any more, whatever the reason. */
  #lose(error: KubeMQError, tell = true): void {
    if (this.#over) return;
    const state = this.#state;
    const { subject } = this.#owner;
    if (state.kind === "waiting") {
      this.#finish();
      this.#controller.abort(cancelled());
      if (tell) this.#owner.failed(this, error);
      return;
    }
    if (state.kind === "settled" || state.kind === "lost") return;
    this.#state = { kind: "lost", sequence: state.sequence, error: leaseLost(subject, state.sequence, error) };
    for (const pending of this.#pending.values()) {
      // A server now and then loses the answer to the request that settled the message, and ends the call as if all were well.
      const isLost = pending.kind === "extend" || error.code === "LEASE_LOST";
      pending.reject(
        isLost
          ? leaseLost(subject, state.sequence, error)
          : outcomeUnknown(subject, state.sequence, "the stream ended without an answer", error),
      );
    }
    this.#pending.clear();
    this.#abort?.abort(this.#state.error);
    this.#finish();
    this.#controller.abort(cancelled());
    this.#owner.concluded(this);
  }

  #conclude(): void {
    this.#finish();
    this.#owner.concluded(this);
  }

  /** The server ends the call by itself; a reset of each would look like an attack to it. */
  #finish(): void {
    this.#over = true;
    this.#stopExtending();
    this.#cancelEnd?.();
    this.#uplink.close();
    const { clock } = this.#owner.connection;
    this.#cancelGrace = clock.setTimer(END_GRACE_MS, () => this.#controller.abort(cancelled()));
  }
}

/** A message that is held by a lease. */
export class LeasedMessage<T> extends ReceivedQueueMessage<T> implements LeasedDelivery<T> {
  readonly #lease: Lease;
  readonly #owner: LeaseOwner;

  constructor(wire: WireQueueMessage, codec: Codec<T> | undefined, lease: Lease, owner: LeaseOwner) {
    super(wire, codec);
    this.#lease = lease;
    this.#owner = owner;
  }

  get settled(): boolean {
    return this.#lease.settled;
  }

  get leasedUntil(): Date {
    return this.#lease.leasedUntil;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  ack(): Promise<void> {
    return this.#lease.settle({ kind: "ack", sequence: this.sequence });
  }

  reject(): Promise<void> {
    return this.#lease.settle({ kind: "reject", sequence: this.sequence });
  }

  async requeue(channel: string): Promise<void> {
    checkStoredChannel(this.#owner.subject.operation, channel);
    return this.#lease.settle({ kind: "requeue", sequence: this.sequence, channel });
  }

  async replace<R>(message: OutgoingQueueMessage<R>): Promise<void> {
    const prepared = this.#owner.prepare(message);
    return this.#lease.settle({ kind: "replace", sequence: this.sequence, message: prepared });
  }

  async extendVisibility(seconds: number): Promise<Date> {
    checkInteger(this.#owner.subject, "seconds", seconds, 1, LIMITS.seconds);
    return this.#lease.extend(seconds);
  }

  static leaseOf(message: LeasedMessage<unknown>): Lease {
    return message.#lease;
  }
}
