import type { KubeMQError } from "../api/errors.js";
import type { StreamOptions } from "../api/message.js";
import type { OutgoingQueueMessage, SendResult } from "../api/queue-message.js";
import type { Connection } from "../connection/connection.js";
import { type Awaited, Unanswered } from "../stream/pending-answers.js";
import type { HostedStream } from "../connection/hosted-stream.js";
import { Uplink } from "../stream/uplink.js";
import { onAbort } from "../support/abort.js";
import type { Subject } from "../support/checks.js";
import { within } from "../support/clock.js";
import { cancelled, clientClosed, connectionLost, fault, serverError, toKubeMQError } from "../support/faults.js";
import { Fifo } from "../support/fifo.js";
import {
  queueMessageSize,
  queuesUpstreamMethod,
  sendResult,
  upstreamRequest,
  type WireQueueMessage,
  type WireUpstreamRequest,
  type WireUpstreamResponse,
} from "./wire.js";
import { microtask } from "../support/timers.js";

export interface UpstreamPlan {
  readonly operation: string;
  /** How many requests may be unanswered. With one the order of the sends is the order in the queue. */
  readonly maxInFlight: number;
  prepare(message: OutgoingQueueMessage): WireQueueMessage;
}

/** Sends that wait for their turn share a request up to so many messages and bytes; one larger send goes alone. */
const REQUEST_MESSAGES = 1_024;

const REQUEST_BYTES = 4 * 1024 * 1024;

/** How many messages may wait; beyond it sending is refused, for the caller does not await it. */
const MAX_WAITING = 100_000;

/** How long answers are waited for before a stream is left: a server can crash over a stream that is cancelled with requests open. */
const DRAIN_MS = 5_000;

/** How long a half-closed stream is left open. Servers ignore the half-close, but need a moment to see it. */
const GRACE_MS = 50;

/** One call of `send`. */
interface Unit {
  readonly messages: WireQueueMessage[];
  readonly size: number;
  resolve(results: SendResult[]): void;
  reject(reason: unknown): void;
}

interface Sent extends Awaited {
  readonly units: Unit[];
}

interface Line {
  readonly uplink: Uplink<WireUpstreamRequest>;
  readonly controller: AbortController;
  /** The requests that the server owes an answer, those included that nobody waits for any more. */
  readonly owed: Set<string>;
  onDrained: (() => void) | undefined;
}

type State =
  { readonly kind: "open" } | { readonly kind: "closing" } | { readonly kind: "closed"; readonly reason: unknown };

/** Sends over one QueuesUpstream: answers are matched by id, in whatever order, number and time they come. */
export class Upstream implements HostedStream {
  readonly #plan: UpstreamPlan;
  readonly #connection: Connection;
  readonly #subject: Subject;
  readonly #reconnects: boolean;
  readonly #waiting = new Fifo<Unit>();
  readonly #unanswered: Unanswered<Sent>;
  readonly #flushing = new Fifo<() => void>();
  #waitingMessages = 0;
  #state: State = { kind: "open" };
  #line: Line | undefined;
  #requests = 0;
  #pumping = false;
  #unwatch = () => {};
  #closing: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;

  constructor(plan: UpstreamPlan, connection: Connection, options: StreamOptions = {}) {
    this.#plan = plan;
    this.#connection = connection;
    this.#subject = { operation: plan.operation };
    this.#reconnects = options.reconnect ?? connection.reconnect !== false;
    this.#unanswered = new Unanswered(connection.clock, connection.options.timeoutMs, (late) => this.#timeOut(late));
    connection.join(this, false); // promise: sender-not-in-state
    this.#unwatch = onAbort(options.signal, () => void this.#leave(options.signal?.reason));
  }

  async send<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]> {
    if (this.#state.kind === "closing") throw clientClosed(this.#subject);
    if (this.#state.kind === "closed") throw this.#state.reason;
    const list = (Array.isArray(messages) ? messages : [messages]) as readonly OutgoingQueueMessage[];
    const wire = list.map((message) => this.#plan.prepare(message));
    if (wire.length === 0) return [];
    if (this.#waiting.size > 0 && this.#waitingMessages + wire.length > MAX_WAITING) {
      const text = `${MAX_WAITING} messages wait to be sent: await send()`;
      throw fault("RESOURCE_EXHAUSTED", this.#subject, text, { retryable: true });
    }
    let size = 0;
    for (const message of wire) size += queueMessageSize(message);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages: wire, size, resolve, reject });
      this.#waitingMessages += wire.length;
      if (this.#pumping) return;
      this.#pumping = true;
      microtask(() => this.#pump()); // sends of the same tick share a request
    });
  }

  /** Resolves when every send so far has its outcome, which its own promise tells. */
  flush(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#flushing.push(resolve));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  cancel(): void {
    const line = this.#line;
    this.#end(clientClosed(this.#subject));
    line?.controller.abort(cancelled());
  }

  async #close(): Promise<void> {
    if (this.#state.kind === "open") {
      this.#state = { kind: "closing" };
      await this.flush(); // promise: sender-close-flushes
    }
    await this.#leave(clientClosed(this.#subject));
  }

  /** Settles every promise at once; the stream ends when the server has answered all it owes. */
  #leave(reason: unknown): Promise<void> {
    const line = this.#line;
    this.#end(reason);
    this.#leaving ??= line === undefined ? Promise.resolve() : this.#drain(line); // promise: upstream-drained-once
    return this.#leaving;
  }

  async #drain(line: Line): Promise<void> {
    const { clock } = this.#connection;
    try {
      // promise: upstream-drained
      if (line.owed.size > 0) await within(clock, DRAIN_MS, new Promise<void>((resolve) => (line.onDrained = resolve)));
      line.uplink.close();
      await new Promise<void>((resolve) => clock.setTimer(GRACE_MS, resolve));
    } finally {
      line.controller.abort(cancelled());
      this.#connection.leave(this);
    }
  }

  #isIdle(): boolean {
    return this.#waiting.size === 0 && this.#unanswered.size === 0;
  }

  #pump(): void {
    this.#pumping = false;
    if (this.#state.kind === "closed") return;
    while (this.#waiting.size > 0 && this.#unanswered.size < this.#plan.maxInFlight) {
      this.#sendOne(this.#nextUnits());
    }
    if (this.#isIdle()) for (const resolve of this.#flushing.drain()) resolve();
  }

  #nextUnits(): Unit[] {
    const units: Unit[] = [];
    let messages = 0;
    let size = 0;
    for (let unit = this.#waiting.peek(); unit !== undefined; unit = this.#waiting.peek()) {
      messages += unit.messages.length;
      size += unit.size;
      if (units.length > 0 && (messages > REQUEST_MESSAGES || size > REQUEST_BYTES)) break;
      units.push(unit);
      this.#waiting.shift();
      this.#waitingMessages -= unit.messages.length;
    }
    return units;
  }

  #sendOne(units: Unit[]): void {
    const line = (this.#line ??= this.#open());
    this.#requests += 1;
    const id = this.#requests.toString(36);
    this.#unanswered.add({ id, units, deadline: this.#unanswered.deadline() });
    line.owed.add(id);
    const [only] = units;
    const messages = units.length === 1 && only !== undefined ? only.messages : units.flatMap((unit) => unit.messages);
    line.uplink.send(upstreamRequest(id, messages))?.catch(() => {}); // the end of the call is seen where it is read
  }

  #open(): Line {
    const line: Line = {
      uplink: new Uplink(),
      controller: new AbortController(),
      owed: new Set(),
      onDrained: undefined,
    };
    const { signal } = line.controller;
    void this.#read(line, this.#connection.stream(queuesUpstreamMethod, line.uplink, signal, this.#subject));
    return line;
  }

  async #read(line: Line, answers: AsyncIterable<readonly WireUpstreamResponse[]>): Promise<void> {
    let lost: KubeMQError;
    try {
      for await (const responses of answers) {
        for (const response of responses) this.#answered(line, response);
        if (this.#line === line) this.#pump();
      }
      lost = connectionLost(this.#subject, "the server ended the stream");
    } catch (error) {
      lost = toKubeMQError(error, this.#subject);
    }
    line.controller.abort(cancelled());
    line.owed.clear();
    line.onDrained?.();
    if (this.#line === line) this.#lost(lost);
  }

  #answered(line: Line, response: WireUpstreamResponse): void {
    const id = response.RefRequestID;
    if (line.owed.delete(id) && line.owed.size === 0) line.onDrained?.(); // promise: late-answer-owed-no-more
    const sent = this.#unanswered.take(id);
    if (sent === undefined) return; // answered twice, or after its time-out
    const { operation } = this.#plan;
    if (response.IsError) {
      const error = serverError(response.Error, this.#subject);
      for (const unit of sent.units) unit.reject(error);
      return;
    }
    let at = 0;
    for (const unit of sent.units) {
      unit.resolve(unit.messages.map((message) => sendResult(response.Results[at++], message, operation)));
    }
  }

  #timeOut(late: readonly Sent[]): void {
    const text = "no answer from the server in time, the messages may be stored";
    reject(late, fault("TIMEOUT", this.#subject, text)); // promise: send-timeout
    this.#pump();
  }

  /** What is unanswered may be stored or not: that is for the caller to decide, never sent again in silence. */
  #lost(error: KubeMQError): void {
    this.#line = undefined;
    reject(this.#unanswered.drain(), error); // promise: lost-connection-rejects-sends
    if (!this.#reconnects) {
      this.#end(error);
      this.#connection.leave(this);
    } else this.#pump();
  }

  #end(reason: unknown): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closed", reason };
    this.#unwatch();
    const line = this.#line;
    this.#line = undefined;
    reject(this.#unanswered.drain(), reason);
    for (const unit of this.#waiting.drain()) unit.reject(reason);
    for (const resolve of this.#flushing.drain()) resolve();
    if (line === undefined) this.#connection.leave(this);
  }
}

function reject(requests: readonly Sent[], reason: unknown): void {
  for (const { units } of requests) for (const unit of units) unit.reject(reason);
}
