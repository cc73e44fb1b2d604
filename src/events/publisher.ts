import type { KubeMQError } from "../api/errors.js";
import type { EventPublisher } from "../api/events.js";
import type { OutgoingMessage, StreamOptions } from "../api/message.js";
import type { ChannelKind } from "../api/server.js";
import type { Connection } from "../connection/connection.js";
import { type Awaited, Unanswered } from "../stream/pending-answers.js";
import type { HostedStream } from "../connection/hosted-stream.js";
import { Uplink } from "../stream/uplink.js";
import { onAbort } from "../support/abort.js";
import { refuse, type Subject } from "../support/checks.js";
import { within } from "../support/clock.js";
import { cancelled, clientClosed, connectionLost, fault, serverError, toKubeMQError } from "../support/faults.js";
import { Fifo } from "../support/fifo.js";
import { newId } from "../support/ids.js";
import { publishAll, type Sequence, type Settle } from "./publish-all.js";
import {
  checkEventSize,
  fenceOf,
  refusalOf,
  sendEventsStreamMethod,
  type WireEvent,
  type WireResult,
  wireSize,
} from "./wire.js";
import { microtask } from "../support/timers.js";

/** What differs between publishing plain and stored events. */
export interface PublisherPlan<Receipt> {
  readonly operation: string;
  readonly kind: ChannelKind;
  /**
   * Whether the server answers each event. It does for stored ones. A plain event is answered only when it is refused;
   * so a fence follows: an event that every server refuses, whose refusal says that all before it were processed.
   */
  readonly answered: boolean;
  /** Checks a message, but for its size, and makes the event. */
  prepare(message: OutgoingMessage): WireEvent;
  receipt(id: string): Receipt;
}

/** How many events may be on their way, unanswered. */
const MAX_IN_FLIGHT = 1024;

/** How many bytes of bodies may be on their way; one larger body goes alone. */
const MAX_IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/** How many more may wait for that; beyond it publishing is refused, for the caller does not await it. */
const MAX_WAITING = 100_000;

interface SentEvent extends Awaited {
  readonly kind: "event";
  readonly settle: Settle;
  readonly channel: string;
  readonly size: number;
  /** The caller gave the id, so that it may come twice. */
  readonly named: boolean;
}

interface Fence extends Awaited {
  readonly kind: "fence";
}

type State =
  { readonly kind: "open" } | { readonly kind: "closing" } | { readonly kind: "closed"; readonly reason: unknown };

interface Line {
  readonly uplink: Uplink<WireEvent>;
  readonly controller: AbortController;
  /** Settles when the server has ended the stream, or it was lost. */
  done: Promise<void>;
}

/** How long a half-closed stream may take to end before it is cancelled. */
const GRACE_MS = 1_000;

/** Publishes over one SendEventsStream: in call order, bounded, one outcome for each event, by its id. */
export class StreamPublisher<Receipt> implements EventPublisher<Receipt>, HostedStream {
  readonly #plan: PublisherPlan<Receipt>;
  readonly #connection: Connection;
  readonly #reconnects: boolean;
  readonly #unwatch: () => void;
  readonly #unanswered: Unanswered<SentEvent | Fence>;
  /** The ids on their way that callers gave. */
  readonly #named = new Set<string>();
  readonly #waiting = new Fifo<{ event: WireEvent; settle: Settle; size: number; named: boolean }>();
  readonly #flushing = new Fifo<() => void>();
  #state: State = { kind: "open" };
  #line: Line | undefined;
  #bytes = 0;
  #events = 0;
  /** `due`: one is sent at the end of this tick; then its answer is awaited. */
  #fence: "none" | "due" | Fence = "none";
  #closing: Promise<void> | undefined;

  constructor(plan: PublisherPlan<Receipt>, connection: Connection, options: StreamOptions = {}) {
    this.#plan = plan;
    this.#connection = connection;
    this.#reconnects = options.reconnect ?? connection.reconnect !== false;
    this.#unanswered = new Unanswered(connection.clock, connection.options.timeoutMs, (late) => this.#timeOut(late));
    connection.join(this, false);
    this.#unwatch = onAbort(options.signal, () => this.#end(options.signal?.reason));
  }

  publish<T>(message: OutgoingMessage<T>): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#submit(message, (error, id) => (error === undefined ? resolve(this.#plan.receipt(id)) : reject(error)));
    });
  }

  publishAll<T>(messages: Sequence<T>, options: { signal?: AbortSignal } = {}): Promise<number> {
    return publishAll(messages, (message, settle) => this.#submit(message, settle), MAX_IN_FLIGHT, options.signal);
  }

  /** Resolves when every event accepted before has its outcome, which its own promise tells. */
  flush(): Promise<void> {
    return this.#events === 0 && this.#waiting.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#flushing.push(resolve));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  cancel(): void {
    this.#end(clientClosed(this.#subject()));
  }

  async #close(): Promise<void> {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closing" };
    await this.flush(); // promise: publisher-close-flushes
    const line = this.#line;
    if (line !== undefined) {
      line.uplink.close(); // SendEventsStream is the one stream that half-closing ends
      await within(this.#connection.clock, GRACE_MS, line.done);
    }
    this.#end(clientClosed(this.#subject()));
  }

  #submit(message: OutgoingMessage, settle: Settle): void {
    let event: WireEvent;
    let size: number;
    try {
      if (this.#state.kind === "closing") throw clientClosed(this.#subject()); // promise: publisher-closing-refuses
      if (this.#state.kind === "closed") throw this.#state.reason;
      event = this.#plan.prepare(message);
      size = wireSize(event);
      checkEventSize(this.#plan.operation, event, size, this.#connection.options.maxMessageBytes);
    } catch (error) {
      return settle(error, "");
    }
    const named = message.id !== undefined;
    if (this.#waiting.size === 0 && this.#hasRoom(size)) this.#send(event, settle, size, named);
    // promise: publisher-bounded-waiting
    else if (this.#waiting.size < MAX_WAITING) this.#waiting.push({ event, settle, size, named });
    else {
      const text = `${MAX_WAITING} events wait to be sent: await publish(), or use publishAll()`;
      settle(fault("RESOURCE_EXHAUSTED", this.#subject(event.Channel), text, { retryable: true }), event.EventID);
    }
  }

  #hasRoom(size: number): boolean {
    // promise: publisher-bounded-in-flight
    return this.#events === 0 || (this.#events < MAX_IN_FLIGHT && this.#bytes + size <= MAX_IN_FLIGHT_BYTES);
  }

  #send(event: WireEvent, settle: Settle, size: number, named: boolean): void {
    const { EventID: id, Channel: channel } = event;
    if (named) {
      if (this.#named.has(id)) {
        return settle(refuse(this.#subject(channel), `an event with the id ${id} is on its way already`), id);
      }
      this.#named.add(id);
    }
    this.#unanswered.add({ kind: "event", id, settle, channel, size, named, deadline: this.#unanswered.deadline() });
    this.#events += 1;
    this.#bytes += size;
    this.#line ??= this.#open();
    // A stream that ends rejects this too; the reader of its answers settles every event that was on its way.
    this.#line.uplink.send(event)?.catch(() => {});
    // promise: event-fence
    if (!this.#plan.answered && this.#fence === "none") {
      this.#fence = "due";
      microtask(() => this.#sendFence());
    }
  }

  #sendFence(): void {
    if (this.#fence !== "due" || this.#line === undefined) return;
    const id = newId();
    this.#fence = { kind: "fence", id, deadline: this.#unanswered.deadline() };
    this.#unanswered.add(this.#fence);
    this.#line.uplink.send(fenceOf(this.#connection.options.clientId, id))?.catch(() => {});
  }

  #open(): Line {
    const line: Line = { uplink: new Uplink(), controller: new AbortController(), done: Promise.resolve() };
    const answers = this.#connection.stream(
      sendEventsStreamMethod,
      line.uplink,
      line.controller.signal,
      this.#subject(),
    );
    line.done = this.#read(line, answers);
    return line;
  }

  async #read(line: Line, answers: AsyncIterable<readonly WireResult[]>): Promise<void> {
    let lost: KubeMQError;
    try {
      for await (const results of answers) {
        if (this.#line !== line) return;
        for (const result of results) this.#answer(result);
        this.#pump();
      }
      lost = connectionLost(this.#subject(), "the server ended the stream");
    } catch (error) {
      lost = toKubeMQError(error, this.#subject());
    } finally {
      line.controller.abort(cancelled());
    }
    if (this.#line === line) this.#lost(lost);
  }

  #answer(result: WireResult): void {
    if (typeof this.#fence === "object" && this.#fence.id === result.EventID) return this.#passFence(this.#fence);
    const sent = this.#unanswered.take(result.EventID);
    if (sent?.kind !== "event") return; // answered twice, or after its time-out
    const refusal = refusalOf(result);
    // promise: event-refusal
    this.#settle(sent, refusal === undefined ? undefined : serverError(refusal, this.#subject(sent.channel)));
  }

  /** All that was sent before the fence was processed, without objection. */
  #passFence(fence: Fence): void {
    for (const sent of this.#unanswered.takeUpTo(fence)) if (sent.kind === "event") this.#settle(sent, undefined);
    this.#fenceRest();
  }

  /** A fence is done with: another one for what was sent behind it. */
  #fenceRest(): void {
    this.#fence = "none";
    if (this.#events === 0) return;
    this.#fence = "due";
    this.#sendFence();
  }

  #settle({ id, settle, size, named }: SentEvent, error: unknown): void {
    if (named) this.#named.delete(id);
    this.#events -= 1;
    this.#bytes -= size;
    settle(error, id);
  }

  /** Sends what waited for room, and tells who waits for all of it. */
  #pump(): void {
    for (let next = this.#waiting.peek(); next !== undefined && this.#hasRoom(next.size); next = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#send(next.event, next.settle, next.size, next.named);
    }
    if (this.#events === 0 && this.#waiting.size === 0) for (const resolve of this.#flushing.drain()) resolve();
  }

  /** What is unanswered may have been processed or not: that is for the caller to decide, never sent again in silence. */
  #lost(error: KubeMQError): void {
    this.#line = undefined;
    this.#fence = "none";
    this.#rejectUnanswered((channel) =>
      fault(error.code, this.#subject(channel), error.message, { cause: error, retryable: error.retryable }),
    );
    if (!this.#reconnects && this.#state.kind === "open") return this.#end(error); // promise: publisher-reopens
    this.#pump();
  }

  #rejectUnanswered(errorFor: (channel: string) => unknown): void {
    for (const sent of this.#unanswered.drain()) {
      if (sent.kind === "event") this.#settle(sent, errorFor(sent.channel)); // promise: lost-connection-rejects-events
    }
  }

  #end(reason: unknown): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closed", reason };
    this.#unwatch?.();
    const line = this.#line;
    this.#line = undefined;
    this.#rejectUnanswered(() => reason);
    for (const { settle, event } of this.#waiting.drain()) settle(reason, event.EventID);
    for (const resolve of this.#flushing.drain()) resolve();
    line?.controller.abort(cancelled());
    this.#connection.leave(this);
  }

  #timeOut(late: readonly (SentEvent | Fence)[]): void {
    for (const sent of late) {
      if (sent.kind === "event") {
        // promise: event-timeout
        this.#settle(sent, fault("TIMEOUT", this.#subject(sent.channel), "no answer from the server in time"));
      }
    }
    if (late.some(({ kind }) => kind === "fence")) this.#fenceRest(); // promise: lost-fence
    this.#pump();
  }

  #subject(channel?: string): Subject {
    const { operation } = this.#plan;
    return channel === undefined ? { operation } : { operation, channel };
  }
}
