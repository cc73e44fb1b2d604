import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { AnsweredStream } from "../../stream/send/answered-stream.js";
import { type Send, subjectOf } from "../../stream/send/send.js";
import { Sender } from "../../stream/send/sender.js";
import type { SenderOptions } from "../../stream/send/sender-options.js";
import { refuse } from "../../support/checks.js";
import { within } from "../../support/time/clock.js";
import { connectionLost, serverError, toKubeMQError } from "../../support/faults.js";
import { Fifo } from "../../support/fifo.js";
import type { Writer } from "../own-writes.js";
import { refusalOf, sendEventMethod, sendEventsStreamMethod, type WireEvent, type WireResult } from "../wire.js";

/**
 * Maximum unanswered events. The events of one plain stream share a confirmation, so more of them
 * cost less.
 */
const MAX_IN_FLIGHT = { result: 1024, "end of stream": 4096 } as const;

/** Maximum bytes of unanswered events. A larger event is sent alone. */
const MAX_IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/**
 * Maximum milliseconds for which a stream of plain events stays open for further ones. Nobody awaits
 * its events, but those of a stalled source need their outcomes too.
 */
const MAX_OPEN_MS = 100;

/** Milliseconds that a half-closed stream may take to end before it is cancelled. */
const GRACE_MS = 1_000;

export interface EventSenderOptions extends SenderOptions {
  /**
   * How the server confirms events.
   *
   * - `result`: a stored event is answered by a result.
   * - `end of stream`: a server answers a plain event only when it refuses the event. Each stream
   *   therefore carries the events of one tick and is then half-closed. The server ends the stream
   *   with OK after processing all of them. The next events wait for that end, because servers
   *   process streams independently. A single event in a tick is sent by SendEvent, which costs
   *   less than a stream. A stream whose events nobody awaits yet stays open for further ones.
   */
  readonly confirmedBy: "result" | "end of stream";
  /** Notified of every event that the server has confirmed. */
  readonly writer: Writer | undefined;
}

type EventSend = Send<WireEvent, string>;

/** Sends events over SendEventsStream. */
export class EventSender extends Sender<WireEvent, string> {
  readonly #confirmedBy: EventSenderOptions["confirmedBy"];
  readonly #writer: Writer | undefined;
  readonly #maxInFlight: number;
  readonly #sent = new Fifo<EventSend>();
  /** Unanswered ids that callers have chosen. Only a chosen id can be a duplicate. */
  readonly #givenIds = new Set<string>();
  /** Streams that have not ended, including streams that were replaced. */
  readonly #streams = new Set<AnsweredStream<WireEvent, WireResult>>();
  #stream: AnsweredStream<WireEvent, WireResult> | undefined;
  /** Set instead of a stream while SendEvent carries a single event. */
  #call: AbortController | undefined;
  #bytes = 0;
  /** Whether a caller awaits the outcome of an accepted event. */
  #isAwaited = false;
  /** Set while a stream is open for further events. */
  #cancelTimer: (() => void) | undefined;

  constructor(connection: Connection, options: EventSenderOptions) {
    super(connection, options);
    this.#confirmedBy = options.confirmedBy;
    this.#writer = options.writer;
    this.#maxInFlight = MAX_IN_FLIGHT[options.confirmedBy];
  }

  /** Maximum events without an outcome before further events only queue. */
  get capacity(): number {
    // The events of the next stream are prepared while the previous stream is unanswered.
    return this.#confirmedBy === "result" ? this.#maxInFlight : 2 * this.#maxInFlight;
  }

  protected transmit(): void {
    if (this.#confirmedBy === "end of stream") {
      if (this.#call !== undefined || this.#stream?.isOpen === false) return;
      const alone = this.#stream === undefined && this.waiting.size === 1 ? this.waiting.peek() : undefined;
      if (alone !== undefined) return void this.#sendByCall(alone);
    } else if (this.isGoingAway) {
      if (this.#sent.size > 0) return;
      void this.leaveSoon();
    }
    for (let send = this.waiting.peek(); send !== undefined && this.#hasRoom(send.bytes); send = this.waiting.peek()) {
      this.shift();
      this.#send(send);
    }
    if (this.#confirmedBy === "end of stream" && this.#stream !== undefined) this.#halfCloseIfAwaited();
  }

  /** Confirms the accepted events without waiting for further ones: a caller awaits them. */
  confirmSoon(): void {
    if (this.waiting.size > 0) this.#isAwaited = true;
    else if (this.#confirmedBy === "end of stream") this.#halfClose();
  }

  override flush(): Promise<void> {
    this.confirmSoon();
    return super.flush();
  }

  /**
   * Half-closes the stream, unless no caller awaits its events yet: further ones save a stream then.
   */
  #halfCloseIfAwaited(): void {
    const isFull = this.waiting.size > 0;
    // promise: awaited-events-confirmed
    if (!isFull && !this.#isAwaited) {
      const openMs = Math.min(MAX_OPEN_MS, this.connection.options.timeoutMs / 10);
      this.#cancelTimer ??= this.connection.clock.setTimer(openMs, () => this.#halfClose(), { holdsProcess: false });
      return;
    }
    this.#isAwaited &&= isFull;
    this.#halfClose();
  }

  #halfClose(): void {
    this.#stopTimer();
    this.#stream?.halfClose();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #hasRoom(bytes: number): boolean {
    // promise: publisher-bounded-in-flight
    return this.#sent.size === 0 || (this.#sent.size < this.#maxInFlight && this.#bytes + bytes <= MAX_IN_FLIGHT_BYTES);
  }

  #send(send: EventSend): void {
    const { message, isIdGiven, id } = send;
    if (message === undefined) return;
    if (isIdGiven) {
      if (this.#givenIds.has(id)) {
        if (!this.handToCall(send)) {
          this.settle(send, refuse(subjectOf(send), `an event with the id ${id} has no answer yet`));
        }
        return;
      }
      this.#givenIds.add(id);
    }
    this.#isAwaited ||= send.isAwaited;
    this.#sent.push(send);
    this.#bytes += send.bytes;
    this.#stream ??= this.#open();
    this.#stream.send(message);
    // The stream encodes the message soon. Dropping the reference saves memory until the answer.
    if (!this.keepsMessages) send.message = undefined;
  }

  async #sendByCall(send: EventSend): Promise<void> {
    const { message } = send;
    if (message === undefined) return;
    this.shift();
    this.#sent.push(send);
    const call = new AbortController();
    this.#call = call;
    let error: KubeMQError | undefined;
    let refusal: string | undefined;
    try {
      const { timeoutMs } = send;
      const options = { signal: call.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      // Sent even when the client is closing: the event was accepted before the close.
      const about = { ...subjectOf(send), options, settles: true };
      refusal = refusalOf(await this.connection.unary(sendEventMethod, message, about));
    } catch (thrown) {
      error = toKubeMQError(thrown, subjectOf(send));
    }
    if (this.#call !== call) return; // the send already has its outcome
    this.#call = undefined;
    const sends = this.unanswered();
    if (error?.code === "UNAVAILABLE") return this.lost(sends, error, true);
    this.settle(send, refusal === undefined ? error : serverError(refusal, subjectOf(send)), send.id);
    this.proceed();
  }

  #open(): AnsweredStream<WireEvent, WireResult> {
    const stream: AnsweredStream<WireEvent, WireResult> = AnsweredStream.open(
      this.connection,
      sendEventsStreamMethod,
      this.subject,
      {
        answers: (results) => {
          for (const result of results) this.#answer(result);
          if (this.#stream === stream) this.proceed();
        },
        ended: (error) => this.#ended(stream, error),
      },
      this.#maxInFlight,
    );
    this.#streams.add(stream);
    return stream;
  }

  #answer(result: WireResult): void {
    const { EventID: id } = result;
    const send = this.#sent.take((sent) => sent.id === id); // promise: answer-by-id
    if (send === undefined) return; // a duplicate answer, or an answer after the timeout
    this.#removed(send);
    const refusal = refusalOf(result);
    // promise: event-refusal
    if (refusal === undefined) {
      if (send.channel !== undefined) this.#writer?.wrote(send.channel, id);
      this.settle(send, undefined, id);
    } else this.settle(send, serverError(refusal, subjectOf(send)));
  }

  #ended(stream: AnsweredStream<WireEvent, WireResult>, error: unknown): void {
    this.#streams.delete(stream);
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#stopTimer();
    const sends = this.unanswered();
    // promise: event-stream-end
    if (this.#confirmedBy === "end of stream" && error === undefined && stream.isHalfClosed) {
      for (const send of sends) this.settle(send, undefined, send.id);
      return this.proceed();
    }
    const lost =
      error === undefined
        ? connectionLost(this.subject, "the server ended the stream")
        : toKubeMQError(error, this.subject);
    this.lost(sends, lost, stream.isAccepted); // promise: lost-connection-rejects-events
  }

  protected unanswered(): readonly EventSend[] {
    const sends = this.#sent.drain();
    this.#givenIds.clear();
    this.#bytes = 0;
    return sends;
  }

  protected forget(send: EventSend): void {
    if (this.#sent.take((sent) => sent === send) === undefined) return; // the send is still queued
    this.#removed(send);
    if (this.#sent.size > 0 || this.#confirmedBy === "result") return;
    // No send waits for the end of this stream any more, so the next events do not wait for it
    // either.
    void this.leaveSoon(); // promise: late-stream-end
  }

  #removed(send: EventSend): void {
    this.#bytes -= send.bytes;
    if (send.isIdGiven) this.#givenIds.delete(send.id);
  }

  /**
   * Half-closes the stream. The server then ends it with OK; a cancelled stream would write an
   * error into the log of the server.
   */
  protected async leave(): Promise<void> {
    this.#cancelCall();
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#halfClose();
    this.#stream = undefined;
    await within(this.connection.clock, GRACE_MS, stream.over());
    stream.cancel();
    this.#streams.delete(stream);
  }

  #cancelCall(): void {
    const call = this.#call;
    this.#call = undefined;
    call?.abort();
  }

  protected abort(): void {
    this.#cancelCall();
    this.#stopTimer();
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
    this.#stream = undefined;
  }
}
