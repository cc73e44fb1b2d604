import type { SendResult } from "../../api/queues/message.js";
import type { Connection } from "../../connection/connection.js";
import { AnsweredStream } from "../../stream/send/answered-stream.js";
import { type Send, subjectOf } from "../../stream/send/send.js";
import { Sender } from "../../stream/send/sender.js";
import type { SenderOptions } from "../../stream/send/sender-options.js";
import { within } from "../../support/time/clock.js";
import { connectionLost, serverError, toKubeMQError } from "../../support/faults.js";
import { Fifo } from "../../support/fifo.js";
import { countingIds } from "../../support/message/ids.js";
import { IdleTimer } from "../../support/time/idle-timer.js";
import {
  queuesUpstreamMethod,
  sendResult,
  upstreamRequest,
  type WireQueueMessage,
  type WireUpstreamRequest,
  type WireUpstreamResponse,
} from "../wire.js";

export interface UpstreamOptions extends SenderOptions {
  /**
   * Maximum unanswered requests. With 1, the order in the queue is the order of the sends; servers
   * process several requests concurrently.
   */
  readonly maxInFlight: number;
  /**
   * Milliseconds after which an unanswered request no longer holds back the next one. Under load
   * the community server sometimes loses an answer, because its dispatcher misses the last of its
   * own confirmations. The messages are stored nevertheless.
   */
  readonly maxHoldMs?: number;
}

/** Maximum messages of sends that share a request. A larger send has its own request. */
const REQUEST_MESSAGES = 1_024;

/** Maximum requests of `sendAll` in flight. More do not increase the rate, and need memory. */
const MAX_AHEAD = 4;

/** Maximum bytes of sends that share a request. */
const REQUEST_BYTES = 4 * 1024 * 1024;

/**
 * Milliseconds to wait for answers before a stream is left. Cancelling a stream with open requests
 * can crash a server.
 */
const DRAIN_MS = 5_000;

/**
 * Milliseconds that a half-closed stream stays open. Servers ignore the half-close, but need a
 * moment to read it.
 */
const GRACE_MS = 50;

type QueueSend = Send<WireQueueMessage[], SendResult[]>;

/** Several sends in one request. */
interface Request {
  readonly id: string;
  readonly line: Line;
  readonly sends: readonly QueueSend[];
  /** Sends without an outcome. */
  open: number;
  /** Whether the next request waits for the answer to this one. */
  isHolding: boolean;
}

/** A stream and its unanswered requests. */
interface Line {
  readonly stream: AnsweredStream<WireUpstreamRequest, WireUpstreamResponse>;
  /** Number of unanswered requests, including the abandoned ones. */
  owed: number;
  /** The unanswered requests without a waiting send. */
  readonly abandoned: Set<string>;
  onDrained: (() => void) | undefined;
}

/**
 * Sends over QueuesUpstream. Answers are matched by request id, and may arrive in any order,
 * repeatedly, or late.
 */
export class Upstream extends Sender<WireQueueMessage[], SendResult[]> {
  readonly #maxInFlight: number;
  /** The requests with a waiting send. They are nearly always answered in order. */
  readonly #requests = new Fifo<Request>();
  /** Streams that have not ended, including streams that were replaced. */
  readonly #lines = new Set<Line>();
  #line: Line | undefined;
  readonly #nextId = countingIds();
  /** Number of requests that hold back the next one. */
  #holding = 0;
  readonly #silence: IdleTimer | undefined;

  constructor(connection: Connection, options: UpstreamOptions) {
    super(connection, options);
    const { maxInFlight, maxHoldMs } = options;
    this.#maxInFlight = maxInFlight;
    if (maxHoldMs !== undefined) this.#silence = new IdleTimer(connection.clock, maxHoldMs, () => this.#stopHolding());
  }

  /** Maximum messages of `sendAll` without an outcome: those in flight, and the next request. */
  get capacity(): number {
    return REQUEST_MESSAGES * (1 + Math.min(this.#maxInFlight, MAX_AHEAD));
  }

  protected transmit(): void {
    if (this.isGoingAway) {
      if (this.#holding > 0) return;
      void this.leaveSoon();
    }
    while (this.waiting.peek() !== undefined && this.#holding < this.#maxInFlight) this.#request(this.#nextSends());
  }

  #nextSends(): QueueSend[] {
    let sends: QueueSend[] | undefined;
    let messages = 0;
    let bytes = 0;
    for (let send = this.waiting.peek(); send !== undefined; send = this.waiting.peek()) {
      messages += send.count;
      bytes += send.bytes;
      if (sends === undefined) sends = [send];
      else if (messages > REQUEST_MESSAGES || bytes > REQUEST_BYTES) break;
      else sends.push(send);
      this.shift();
    }
    return sends ?? [];
  }

  #request(sends: readonly QueueSend[]): void {
    const line = (this.#line ??= this.#open());
    const id = this.#nextId();
    this.#requests.push({ id, line, sends, open: sends.length, isHolding: true });
    this.#holding += 1;
    this.#silence?.begin();
    line.owed += 1;
    line.stream.send(upstreamRequest(id, messagesOf(sends)));
  }

  #open(): Line {
    const line: Line = {
      stream: AnsweredStream.open(
        this.connection,
        queuesUpstreamMethod,
        this.subject,
        {
          answers: (responses) => {
            for (const response of responses) this.#answer(line, response);
            if (this.#line === line) this.proceed();
          },
          ended: (error) => this.#ended(line, error),
        },
        this.#maxInFlight,
      ),
      owed: 0,
      abandoned: new Set(),
      onDrained: undefined,
    };
    this.#lines.add(line);
    return line;
  }

  #answer(line: Line, response: WireUpstreamResponse): void {
    const id = response.RefRequestID;
    const request = this.#requestOf(id); // promise: result-by-request
    if (request === undefined) {
      // A duplicate answer, or all sends of the request have their outcome.
      if (line.abandoned.delete(id)) answered(line); // promise: late-answer-owed-no-more
      return;
    }
    answered(request.line);
    this.#removed(request);
    let at = 0;
    for (const send of request.sends) {
      const { message } = send;
      if (message === undefined) at += send.count;
      else if (response.IsError) this.settle(send, serverError(response.Error, subjectOf(send)));
      else {
        const results = resultsOf(message, response, at, send.operation);
        at += message.length;
        this.settle(send, undefined, results);
      }
    }
  }

  /** Removes the request with this id, which nearly always is the oldest. */
  #requestOf(id: string): Request | undefined {
    if (this.#requests.peek()?.id === id) return this.#requests.shift();
    return this.#requests.take((one) => one.id === id);
  }

  #ended(line: Line, error: unknown): void {
    this.#lines.delete(line);
    line.abandoned.clear();
    line.owed = 0;
    line.onDrained?.();
    if (this.#line !== line) return;
    this.#line = undefined;
    const lost =
      error === undefined
        ? connectionLost(this.subject, "the server ended the stream")
        : toKubeMQError(error, this.subject);
    this.lost(this.unanswered(), lost, line.stream.isAccepted); // promise: lost-connection-rejects-sends
  }

  protected unanswered(): readonly QueueSend[] {
    const requests = this.#requests.drain();
    for (const { id, line } of requests) line.abandoned.add(id);
    this.#holding = 0;
    this.#silence?.stop();
    return requests.flatMap(({ sends }) => sends);
  }

  protected forget(send: QueueSend): void {
    const request = this.#requests.find(({ sends }) => sends.includes(send));
    if (request === undefined) return;
    request.open -= 1;
    // A request without a waiting send does not hold back the next one.
    if (request.open === 0) this.#abandon(request); // promise: abandoned-request
  }

  #abandon(request: Request): void {
    this.#requests.take((one) => one === request);
    request.line.abandoned.add(request.id);
    this.#removed(request);
  }

  #removed(request: Request): void {
    if (request.isHolding) this.#holding -= 1;
    if (this.#holding === 0) this.#silence?.interrupt();
  }

  #stopHolding(): void {
    this.#requests.forEach((request) => (request.isHolding = false));
    this.#holding = 0; // promise: silent-request
    this.proceed();
  }

  protected async leave(): Promise<void> {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    this.#silence?.stop();
    const { clock } = this.connection;
    // promise: upstream-drained
    if (line.owed > 0) await within(clock, DRAIN_MS, new Promise<void>((resolve) => (line.onDrained = resolve)));
    line.stream.halfClose();
    await within(clock, GRACE_MS, line.stream.over());
    line.stream.cancel();
    this.#lines.delete(line);
  }

  protected abort(): void {
    for (const line of this.#lines) {
      line.stream.cancel();
      line.onDrained?.();
    }
    this.#lines.clear();
    this.#line = undefined;
  }
}

/** A request of the stream was answered. */
function answered(line: Line): void {
  line.owed -= 1;
  if (line.owed === 0) line.onDrained?.();
}

function messagesOf(sends: readonly QueueSend[]): WireQueueMessage[] {
  const only = sends[0]?.message;
  return sends.length === 1 && only !== undefined ? only : sends.flatMap(({ message }) => message ?? []);
}

/** The results of the messages of one send, which begin at this index of the response. */
function resultsOf(
  messages: readonly WireQueueMessage[],
  { Results }: WireUpstreamResponse,
  from: number,
  operation: string,
): SendResult[] {
  const only = messages[0];
  if (messages.length === 1 && only !== undefined) return [sendResult(Results[from], only, operation)];
  return messages.map((message, index) => sendResult(Results[from + index], message, operation));
}
