import type { KubeMQError } from "../errors.js";
import type { Subject } from "./check.js";
import type { Connection } from "./connection.js";
import { cancelled, connectionLost, serverError, toKubeMQError } from "./fault.js";
import {
  alreadySettled,
  failedSequence,
  leaseLost,
  noConfirmation,
  outcomeUnknown,
  settleError,
} from "./settle-fault.js";
import { Uplink } from "./uplink.js";
import {
  activeOffsetsRequest,
  closeRequest,
  downstreamAnswer,
  getRequest,
  queuesDownstreamMethod,
  settleRequest,
  withoutRepeats,
  type SettleKind,
  type WireDownstreamRequest,
  type WireDownstreamResponse,
  type WireQueueMessage,
} from "./wire-queues.js";

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

/** One message that the server holds open for this consumer. */
export class Hold {
  readonly sequence: bigint;
  readonly transaction: string;
  readonly lane: Lane;
  state: "open" | "settling" | "settled" = "open";
  resolve: (() => void) | undefined;
  reject: ((error: KubeMQError) => void) | undefined;

  constructor(sequence: bigint, transaction: string, lane: Lane) {
    this.sequence = sequence;
    this.transaction = transaction;
    this.lane = lane;
  }

  settle(kind: SettleKind, channel = ""): Promise<void> {
    return this.lane.settle(this, kind, channel);
  }
}

/** What one poll brought. */
export interface Polled {
  readonly transaction: string;
  readonly messages: readonly WireQueueMessage[];
  readonly asked: number;
  readonly tookMs: number;
}

export interface LaneOwner {
  readonly connection: Connection;
  readonly channel: string;
  readonly confirming: Confirming;
  polled(lane: Lane, polled: Polled): void;
  /** So many messages are settled, as far as this side goes: the requests are written. Negative: a refusal opened them again. */
  settling(lane: Lane, count: number): void;
  /** A settlement has its outcome. */
  concluded(lane: Lane): void;
  failed(lane: Lane, error: KubeMQError): void;
}

interface Range {
  readonly kind: SettleKind;
  readonly transaction: string;
  readonly channel: string;
  readonly holds: Hold[];
}

type Pending =
  | { readonly type: "range"; readonly range: Range; readonly at: number; done: boolean }
  | {
      readonly type: "fence";
      readonly at: number;
      readonly answered: ((open: readonly bigint[] | undefined) => void) | undefined;
    };

/**
 * One QueuesDownstream call. Its requests are served one after another, so a poll that waits would hold up the settlements behind
 * it: who owns the lane polls only while nothing on it is unsettled.
 */
export class Lane {
  readonly subject: Subject;
  readonly #owner: LaneOwner;
  readonly #clientId: string;
  readonly #uplink = new Uplink<WireDownstreamRequest>();
  readonly #controller = new AbortController();
  /** What awaits an answer, in the order of writing. */
  readonly #pending = new Map<string, Pending>();
  #due: Range[] = [];
  #requests = 0;
  #poll: { readonly id: string; readonly asked: number; readonly at: number } | undefined;
  #unsettled = 0;
  #outcomes = 0;
  #ended: KubeMQError | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #flush = () => this.#writeDue();

  constructor(owner: LaneOwner, subject: Subject) {
    this.#owner = owner;
    this.subject = subject;
    this.#clientId = owner.connection.options.clientId;
    void this.#read(owner.connection.stream(queuesDownstreamMethod, this.#uplink, this.#controller.signal, subject));
  }

  /** Whether a poll would hold nothing up. */
  get isFree(): boolean {
    return this.#poll === undefined && this.#unsettled === 0 && this.#due.length === 0 && this.#ended === undefined;
  }

  /** Whether settlements are on their way. */
  get isSettling(): boolean {
    return this.#outcomes > 0;
  }

  /** Whether nothing is handed out, nor on its way back. */
  get isQuiet(): boolean {
    return this.#unsettled === 0 && this.#outcomes === 0;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  poll(max: number, waitMs: number, autoAck: boolean): void {
    const id = this.#nextId();
    this.#poll = { id, asked: max, at: this.#owner.connection.clock.now() };
    this.#write(getRequest(id, this.#clientId, this.#owner.channel, max, waitMs, autoAck));
  }

  hold(message: WireQueueMessage, transaction: string): Hold {
    this.#unsettled += 1;
    return new Hold(message.Attributes?.Sequence ?? 0n, transaction, this);
  }

  /** A message that will not be handed out: it returns to its queue with the end of the lane. */
  release(hold: Hold): void {
    if (hold.state !== "open") return;
    hold.state = "settled";
    this.#unsettled -= 1;
  }

  settle(hold: Hold, kind: SettleKind, channel: string): Promise<void> {
    if (hold.state !== "open") return Promise.reject(alreadySettled(this.subject, hold.sequence));
    if (this.#ended !== undefined) return Promise.reject(leaseLost(this.subject, hold.sequence, this.#ended));
    hold.state = "settling";
    return new Promise((resolve, reject) => {
      hold.resolve = resolve;
      hold.reject = reject;
      this.#outcomes += 1;
      this.#enqueue(hold, kind, channel);
    });
  }

  /** Settlements of one tick share their request and their fence. */
  #enqueue(hold: Hold, kind: SettleKind, channel: string): void {
    if (this.#due.length === 0) setImmediate(this.#flush);
    const { transaction } = hold;
    for (const due of this.#due) {
      if (due.transaction === transaction && due.kind === kind && due.channel === channel) {
        due.holds.push(hold);
        return;
      }
    }
    this.#due.push({ kind, transaction, channel, holds: [hold] });
  }

  /** Asks the server what it still holds open of a transaction; undefined when this server does not tell. */
  openSequences(transaction: string): Promise<readonly bigint[] | undefined> {
    const { confirming, connection } = this.#owner;
    if (this.#ended !== undefined || confirming.by === "answer" || confirming.by === "none") {
      return Promise.resolve(undefined);
    }
    this.#writeDue();
    return new Promise((answered) => {
      const id = this.#nextId();
      this.#write(activeOffsetsRequest(id, this.#clientId, transaction));
      this.#pending.set(id, { type: "fence", at: connection.clock.now(), answered });
      this.#watch();
    });
  }

  /** Ends the call: what is open on it returns to its queue. */
  cancel(): void {
    this.#end(connectionLost(this.subject, "the stream was left"));
  }

  #nextId(): string {
    this.#requests += 1;
    return this.#requests.toString(36);
  }

  #write(request: WireDownstreamRequest): void {
    this.#uplink.send(request)?.catch(() => {}); // the end of the call is seen where it is read
  }

  #writeDue(): void {
    const due = this.#due;
    if (due.length === 0 || this.#ended !== undefined) return;
    this.#due = [];
    const { confirming, connection } = this.#owner;
    const at = connection.clock.now();
    let written = 0;
    for (const range of due) {
      const { kind, transaction, holds, channel } = range;
      const id = this.#nextId();
      const sequences = holds.map(({ sequence }) => sequence);
      this.#write(settleRequest(id, this.#clientId, transaction, kind, sequences, channel));
      this.#pending.set(id, { type: "range", range, at, done: false });
      written += holds.length;
    }
    if (confirming.by === "unknown" || confirming.by === "fence") {
      const id = this.#nextId();
      const last = due.at(-1);
      this.#write(activeOffsetsRequest(id, this.#clientId, last?.transaction ?? ""));
      this.#pending.set(id, { type: "fence", at, answered: undefined });
    } else if (confirming.by === "none") {
      this.#uplink.flushed().then(
        () => this.#believe(),
        () => {},
      );
    }
    if (confirming.by !== "none") this.#watch();
    this.#unsettled -= written;
    this.#owner.settling(this, written);
  }

  async #read(answers: AsyncIterable<readonly WireDownstreamResponse[]>): Promise<void> {
    let error: KubeMQError;
    try {
      for await (const responses of answers) for (const response of responses) this.#received(response);
      error = connectionLost(this.subject, "the server ended the stream");
    } catch (cause) {
      error = toKubeMQError(cause, this.subject);
    }
    this.#fail(error);
  }

  #received(response: WireDownstreamResponse): void {
    if (this.#ended !== undefined) return;
    switch (downstreamAnswer(response)) {
      case "poll":
        return this.#polled(response);
      case "end":
        return this.#fail(connectionLost(this.subject, "the server closes this stream"));
      case "other": {
        const id = response.RefRequestId;
        const pending = this.#pending.get(id);
        if (pending === undefined) return;
        if (pending.type === "fence") this.#passFence(id, response);
        else if (response.IsError) this.#refused(id, pending, response.Error);
        else {
          this.#owner.confirming.by = "answer";
          this.#pending.delete(id);
          this.#forgetFences();
          this.#confirm(pending.range);
        }
      }
    }
  }

  #polled(response: WireDownstreamResponse): void {
    const poll = this.#poll;
    if (poll === undefined || response.RefRequestId !== poll.id) return;
    this.#poll = undefined;
    if (response.IsError) return this.#fail(serverError(response.Error, this.subject));
    const messages = withoutRepeats(response.Messages);
    const transaction = response.TransactionId;
    // A poll that came back empty since all had expired has left a transaction open, which swallows what comes next.
    if (messages.length === 0) this.#write(closeRequest(this.#nextId(), this.#clientId, transaction));
    const tookMs = this.#owner.connection.clock.now() - poll.at;
    this.#owner.polled(this, { transaction, messages, asked: poll.asked, tookMs });
  }

  /** Everything written before the fence was processed; what was refused of it has been answered before. */
  #passFence(fence: string, response: WireDownstreamResponse): void {
    this.#owner.confirming.by = "fence";
    for (const [id, pending] of this.#pending) {
      this.#pending.delete(id);
      if (pending.type === "range") this.#confirm(pending.range);
      else if (id === fence) {
        pending.answered?.(response.IsError ? [] : response.ActiveOffsets);
        return;
      } else pending.answered?.(undefined);
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

  #confirm({ holds }: Range): void {
    for (const hold of holds) {
      hold.state = "settled";
      hold.resolve?.();
    }
    this.#outcomes -= holds.length;
    this.#owner.concluded(this);
  }

  #refused(id: string, pending: Extract<Pending, { type: "range" }>, text: string): void {
    this.#pending.delete(id);
    const { holds, kind, channel } = pending.range;
    const sequence = failedSequence(text);
    const at = sequence === undefined ? -1 : holds.findIndex((hold) => hold.sequence === sequence);
    if (pending.done) return this.#reportLate(at < 0 ? holds : holds.slice(at), text);
    if (at < 0) return this.#reject(holds, text);
    if (at > 0) this.#confirm({ ...pending.range, holds: holds.slice(0, at) });
    // The server stops at the first that fails: those behind it are asked for again.
    const behind = holds.slice(at + 1);
    this.#unsettled += behind.length;
    this.#owner.settling(this, -behind.length);
    for (const hold of behind) this.#enqueue(hold, kind, channel);
    this.#reject(holds.slice(at, at + 1), text);
  }

  #reject(holds: readonly Hold[], text: string): void {
    const error = settleError(text, this.subject);
    this.#outcomes -= holds.length;
    for (const hold of holds) {
      if (error.code === "LEASE_LOST") hold.state = "settled";
      else {
        hold.state = "open"; // it can be settled otherwise
        this.#unsettled += 1;
        this.#owner.settling(this, -1);
      }
      hold.reject?.(error);
    }
    this.#owner.concluded(this);
  }

  #reportLate(holds: readonly Hold[], text: string): void {
    const error = settleError(text, this.subject);
    for (const { sequence } of holds) {
      this.#owner.connection.report({ type: "settle-failed", channel: this.#owner.channel, sequence, error });
    }
  }

  /** Without confirmations a settlement counts as done when it is written; it is remembered for an error that comes later. */
  #believe(): void {
    for (const pending of this.#pending.values()) {
      if (pending.type === "fence") pending.answered?.(undefined);
      else if (!pending.done) {
        pending.done = true;
        this.#confirm(pending.range);
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
    const { connection, confirming } = this.#owner;
    const { clock, options } = connection;
    const limitMs = () => (confirming.by === "unknown" ? LEARN_MS : options.timeoutMs);
    this.#cancelTimer = clock.setTimer(limitMs(), () => {
      this.#cancelTimer = undefined;
      const oldest = this.#pending.values().next().value;
      if (oldest === undefined || confirming.by === "none") return;
      if (clock.now() - oldest.at < limitMs()) return this.#watch();
      if (confirming.by === "unknown") {
        confirming.by = "none";
        return this.#believe();
      }
      confirming.by = "unknown"; // it may be another server by now
      this.#timeOut();
    });
  }

  #timeOut(): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const each of pending) {
      if (each.type === "fence") each.answered?.(undefined);
      else this.#conclude(each.range.holds, (hold) => noConfirmation(this.subject, hold.sequence));
    }
    this.#owner.concluded(this);
  }

  #conclude(holds: readonly Hold[], errorFor: (hold: Hold) => KubeMQError): void {
    this.#outcomes -= holds.length;
    for (const hold of holds) hold.reject?.(errorFor(hold));
  }

  #fail(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#end(error);
    this.#owner.failed(this, error);
  }

  #end(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#poll = undefined;
    this.#cancelTimer?.();
    this.#controller.abort(cancelled());
    for (const { holds } of this.#due) {
      for (const hold of holds) hold.state = "open"; // nothing was written of it
      this.#conclude(holds, (hold) => leaseLost(this.subject, hold.sequence, error));
    }
    this.#due = [];
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const each of pending) {
      if (each.type === "fence") each.answered?.(undefined);
      else if (!each.done) {
        const why = "the stream ended before the answer";
        this.#conclude(each.range.holds, (hold) => outcomeUnknown(this.subject, hold.sequence, why, error));
      }
    }
  }
}
