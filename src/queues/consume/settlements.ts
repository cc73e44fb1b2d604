import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { failedSequence, leaseLost, noConfirmation, outcomeUnknown, settleError } from "../settle-fault.js";
import type { Hold } from "./hold.js";
import {
  activeOffsetsRequest,
  type SettleKind,
  settleRequest,
  type WireDownstreamRequest,
  type WireDownstreamResponse,
} from "./wire.js";
import { setImmediate } from "../../support/timers.js";

/**
 * How a server confirms settlements that succeed. `fence`: it is silent, but answers an ActiveOffsets request behind them, in order.
 * `answer`: it answers each. `none`: neither, then a settlement counts as done when it is written. Learned once per client.
 */
export interface Confirming {
  by: "unknown" | "fence" | "answer" | "none";
}

/** How long the first settlement waits for either kind of confirmation before the server counts as one that gives none. */
const LEARN_MS = 3_000;

/** How many settlements without confirmation are remembered, for an error that still comes. */
const MAX_UNCONFIRMED = 256;

/** The call that settlements are written to. */
export interface SettlementsOwner {
  readonly connection: Connection;
  readonly confirming: Confirming;
  readonly subject: Subject & { readonly channel: string };
  /** Sends a request with an id of its own, which it gives. */
  request(make: (id: string, clientId: string) => WireDownstreamRequest): string;
  /** Resolves when all requests so far have left. */
  flushed(): Promise<void>;
  /** So many messages are settled, as far as this side goes: the requests are written. Negative: a refusal opened them again. */
  settling(count: number): void;
  /** A settlement has its outcome. */
  concluded(): void;
}

interface Range {
  readonly kind: SettleKind;
  readonly transaction: string;
  readonly channel: string;
  readonly holds: readonly Hold[];
}

type Pending =
  | { readonly type: "range"; readonly range: Range; readonly at: number }
  /** It counts as done, without the server's word; what may still come is a refusal. */
  | { readonly type: "believed"; readonly range: Range; readonly at: number }
  | {
      readonly type: "fence";
      readonly at: number;
      readonly answered: ((open: readonly bigint[] | undefined) => void) | undefined;
    };

/** The settlements on one call: written by the range, and concluded when the server has confirmed or refused them. */
export class Settlements {
  readonly #owner: SettlementsOwner;
  /** What awaits an answer, in the order of writing. */
  readonly #pending = new Map<string, Pending>();
  #due: (Range & { readonly holds: Hold[] })[] = [];
  /** How many have no outcome yet. */
  #open = 0;
  #cancelTimer: (() => void) | undefined;
  readonly #flush = () => this.#writeDue();

  constructor(owner: SettlementsOwner) {
    this.#owner = owner;
  }

  /** Whether every settlement has its outcome. */
  get areConcluded(): boolean {
    return this.#open === 0;
  }

  add(hold: Hold, kind: SettleKind, channel: string): Promise<void> {
    const outcome = hold.begin();
    this.#open += 1;
    this.#enqueue(hold, kind, channel);
    return outcome;
  }

  /** Settlements of one tick share their request and their fence. */
  #enqueue(hold: Hold, kind: SettleKind, channel: string): void {
    if (this.#due.length === 0) setImmediate(this.#flush);
    const { transaction } = hold;
    for (const due of this.#due) {
      // promise: settlements-share-request
      if (due.transaction === transaction && due.kind === kind && due.channel === channel) {
        due.holds.push(hold);
        return;
      }
    }
    this.#due.push({ kind, transaction, channel, holds: [hold] });
  }

  /** Asks the server what it still holds open of a transaction; undefined when this server does not tell. */
  openSequences(transaction: string): Promise<readonly bigint[] | undefined> {
    const { by } = this.#owner.confirming;
    if (by === "answer" || by === "none") return Promise.resolve(undefined);
    this.#writeDue();
    return new Promise((answered) => {
      this.#writeFence(transaction, answered);
      this.#watch();
    });
  }

  /** An answer to a settlement or to a fence. */
  answered(response: WireDownstreamResponse): void {
    const id = response.RefRequestId;
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // answered twice, or after its time-out
    if (pending.type === "fence") return this.#passFence(id, response);
    this.#pending.delete(id);
    if (response.IsError) return this.#refused(pending, response.Error);
    this.#owner.confirming.by = "answer";
    this.#forgetFences();
    if (pending.type === "range") this.#confirm(pending.range.holds);
  }

  /** The call is over: what was not written is not settled, and of what was written nobody can tell. */
  end(error: KubeMQError): void {
    const { subject } = this.#owner;
    this.#cancelTimer?.();
    const due = this.#due;
    this.#due = [];
    for (const { holds } of due) this.#refuse(holds, true, (hold) => leaseLost(subject, hold.sequence, error));
    const why = "the stream ended before the answer";
    this.#abandon((hold) => outcomeUnknown(subject, hold.sequence, why, error)); // promise: settlement-outcome-unknown
  }

  #writeDue(): void {
    const due = this.#due;
    if (due.length === 0) return;
    this.#due = [];
    const { confirming, connection } = this.#owner;
    const at = connection.clock.now();
    let written = 0;
    for (const range of due) {
      const { kind, transaction, holds, channel } = range;
      const sequences = holds.map(({ sequence }) => sequence);
      const id = this.#owner.request((id, clientId) =>
        settleRequest(id, clientId, transaction, kind, sequences, channel),
      );
      this.#pending.set(id, { type: "range", range, at }); // promise: settlement-processed
      written += holds.length;
    }
    if (confirming.by === "none") {
      this.#owner.flushed().then(
        () => this.#believe(),
        () => {}, // the end of the call is seen where it is read
      );
    } else {
      if (confirming.by !== "answer") this.#writeFence(due.at(-1)?.transaction ?? "", undefined);
      this.#watch();
    }
    this.#owner.settling(written);
  }

  #writeFence(transaction: string, answered: Extract<Pending, { type: "fence" }>["answered"]): void {
    const id = this.#owner.request((id, clientId) => activeOffsetsRequest(id, clientId, transaction));
    this.#pending.set(id, { type: "fence", at: this.#owner.connection.clock.now(), answered });
  }

  /** Everything written before the fence was processed; what was refused of it has been answered before. */
  #passFence(fence: string, response: WireDownstreamResponse): void {
    this.#owner.confirming.by = "fence";
    for (const [id, pending] of this.#pending) {
      this.#pending.delete(id);
      if (pending.type === "range") this.#confirm(pending.range.holds);
      else if (pending.type === "fence") {
        if (id === fence) {
          pending.answered?.(response.IsError ? [] : response.ActiveOffsets); // promise: batch-open-sequences
          return;
        }
        pending.answered?.(undefined);
      }
    }
  }

  /** A server that answers settlements does not answer fences. */
  #forgetFences(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.type !== "fence") continue;
      this.#pending.delete(id);
      pending.answered?.(undefined);
    }
  }

  #confirm(holds: readonly Hold[]): void {
    for (const hold of holds) hold.confirm();
    this.#open -= holds.length;
    this.#owner.concluded();
  }

  #refuse(holds: readonly Hold[], staysOpen: boolean, errorFor: (hold: Hold) => KubeMQError): void {
    this.#open -= holds.length;
    for (const hold of holds) hold.refuse(errorFor(hold), staysOpen);
  }

  #refused({ type, range }: Exclude<Pending, { type: "fence" }>, text: string): void {
    const { holds, kind, channel } = range;
    const sequence = failedSequence(text);
    const at = sequence === undefined ? -1 : holds.findIndex((hold) => hold.sequence === sequence);
    if (type === "believed") return this.#reportLate(at < 0 ? holds : holds.slice(at), text);
    if (at < 0) return this.#reject(holds, text);
    if (at > 0) this.#confirm(holds.slice(0, at));
    // The server stops at the first that fails: those behind it are asked for again.
    const behind = holds.slice(at + 1);
    this.#owner.settling(-behind.length);
    for (const hold of behind) this.#enqueue(hold, kind, channel); // promise: settlements-behind-refusal
    this.#reject(holds.slice(at, at + 1), text);
  }

  #reject(holds: readonly Hold[], text: string): void {
    const error = settleError(text, this.#owner.subject);
    const staysOpen = error.code !== "LEASE_LOST"; // then it can be settled otherwise
    if (staysOpen) this.#owner.settling(-holds.length);
    this.#refuse(holds, staysOpen, () => error);
    this.#owner.concluded();
  }

  #reportLate(holds: readonly Hold[], text: string): void {
    const { connection, subject } = this.#owner;
    const error = settleError(text, subject);
    for (const { sequence } of holds) {
      connection.report({ type: "settle-failed", channel: subject.channel, sequence, error });
    }
  }

  /** Without confirmations a settlement counts as done when it is written; it is remembered for an error that comes later. */
  #believe(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.type === "fence") pending.answered?.(undefined);
      else if (pending.type === "range") {
        this.#pending.set(id, { ...pending, type: "believed" }); // promise: settlements-believed-again
        this.#confirm(pending.range.holds);
      }
    }
    for (const id of this.#pending.keys()) {
      if (this.#pending.size <= MAX_UNCONFIRMED) break;
      this.#pending.delete(id);
    }
  }

  /** One timer for all that is pending; it looks at the oldest. */
  #watch(): void {
    if (this.#cancelTimer !== undefined) return;
    const { connection, confirming, subject } = this.#owner;
    const { clock, options } = connection;
    const limitMs = () => (confirming.by === "unknown" ? LEARN_MS : options.timeoutMs);
    this.#cancelTimer = clock.setTimer(limitMs(), () => {
      this.#cancelTimer = undefined;
      const oldest = this.#pending.values().next().value;
      if (oldest === undefined || confirming.by === "none") return;
      if (clock.now() - oldest.at < limitMs()) return this.#watch();
      if (confirming.by === "unknown") {
        confirming.by = "none"; // promise: settlements-unconfirmed
        return this.#believe();
      }
      confirming.by = "unknown"; // it may be another server by now
      this.#abandon((hold) => noConfirmation(subject, hold.sequence)); // promise: settlement-timeout
      this.#owner.concluded();
    });
  }

  /** No answer is expected any more to what was written. */
  #abandon(errorFor: (hold: Hold) => KubeMQError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const each of pending) {
      if (each.type === "fence") each.answered?.(undefined);
      else if (each.type === "range") this.#refuse(each.range.holds, false, errorFor);
    }
  }
}
