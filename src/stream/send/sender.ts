import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { HostedStream } from "../../connection/hosted-stream.js";
import { onAbort } from "../../support/abort.js";
import type { Subject } from "../../support/checks.js";
import { clientClosed, publisherClosed } from "../../support/faults.js";
import { IdleTimer } from "../../support/time/idle-timer.js";
import { microtask } from "../../support/timers.js";
import { type ClosingWatcher, ClosingWatchers } from "./closing-watchers.js";
import { Deadlines } from "./deadlines.js";
import { errorOf, isRefusalOfStream, timeOutOf } from "./send-errors.js";
import { Losses } from "../resend/losses.js";
import { countOf, type Send, subjectOf } from "./send.js";
import type { SenderOptions } from "./sender-options.js";
import { Unsettled } from "./unsettled.js";
import { Waiting } from "./waiting.js";

type State =
  /** The sender has no stream and nothing to send, so the client does not know it. */
  | { readonly kind: "idle" }
  | { readonly kind: "open" }
  | { readonly kind: "closing" }
  | { readonly kind: "closed"; readonly reason: unknown };

/** Number of waiting messages that are written immediately instead of at the end of the tick. */
const TRANSMIT_AT = 1024;

/**
 * Sends messages over streams, in call order. Each send has one outcome, the number of unanswered
 * sends is limited, and no message is sent twice unless the `resend` option says so. Messages
 * accepted in one tick are written at its end, in the fewest possible writes. Subclasses implement
 * the protocol of each pattern.
 */
export abstract class Sender<Message, Result> implements HostedStream {
  protected readonly connection: Connection;
  protected readonly subject: Subject;
  protected readonly waiting = new Waiting<Message, Result>();
  /** The open stream is to be replaced as soon as it has no unanswered sends. */
  protected isGoingAway = false;
  readonly #options: SenderOptions;
  readonly #reconnects: boolean;
  readonly #deadlines: Deadlines<Send<Message, Result>>;
  readonly #idle: IdleTimer | undefined;
  /** Undefined when messages are not sent again. */
  readonly #losses: Losses | undefined;
  readonly #closingWatchers = new ClosingWatchers();
  /** The sends without an outcome, waiting or transmitted. */
  readonly #unsettled = new Unsettled();
  #state: State = { kind: "idle" };
  #isTransmissionDue = false;
  #closing: Promise<void> | undefined;
  #leaving: Promise<void> = Promise.resolve();
  #unwatch = () => {};

  constructor(connection: Connection, options: SenderOptions) {
    const { clock, options: client } = connection;
    this.connection = connection;
    this.subject = { operation: options.operation };
    this.#options = options;
    this.#reconnects = options.reconnect ?? connection.reconnect !== false;
    this.#deadlines = new Deadlines(clock, client.timeoutMs, (send) => this.timeOut(send));
    if (options.resend) this.#losses = new Losses(connection, this.subject, () => this.proceed());
    if (options.lingerMs !== undefined) {
      this.#idle = new IdleTimer(clock, options.lingerMs, () => void this.#release());
      return;
    }
    this.#join(this.subject);
    this.#unwatch = onAbort(options.signal, () => this.#end(options.signal?.reason));
  }

  /** Writes waiting sends to a stream, up to the maximum of unanswered sends. */
  protected abstract transmit(): void;
  /** Removes a send that has its outcome before its answer. */
  protected abstract forget(send: Send<Message, Result>): void;
  /** Ends the open stream, if any, by the server's rules. No message is sent on it afterwards. */
  protected abstract leave(): Promise<void>;
  /** Ends every stream immediately. */
  protected abstract abort(): void;

  /** Whether the next send opens a stream. */
  get isIdle(): boolean {
    return this.#state.kind === "idle";
  }

  /** Throws when the sender accepts no more messages. */
  checkOpen(subject = this.subject): void {
    if (this.#state.kind === "closing") throw this.#closedError(subject); // promise: publisher-closing-refuses
    if (this.#state.kind !== "closed") return;
    // A sender that is not a publisher closes only with the client.
    throw this.#idle === undefined ? this.#state.reason : clientClosed(subject);
  }

  /** Accepts a send. Its outcome follows, immediately when it is refused. */
  accept(send: Send<Message, Result>): void {
    try {
      this.#admit(send);
    } catch (error) {
      send.settle(error);
      return;
    }
    this.#unsettled.add();
    this.waiting.push(send);
    if (this.#options.timedFrom === "acceptance" || this.#losses?.isLasting === true) this.#time(send);
    if (this.waiting.messages >= TRANSMIT_AT) this.#transmit();
    if (this.#isTransmissionDue || this.waiting.size === 0) return;
    this.#isTransmissionDue = true;
    microtask(this.#transmitDue);
  }

  /** Settles a send that its caller has cancelled. */
  cancelSend(send: Send<Message, Result>, reason: unknown): void {
    if (send.isSettled) return;
    this.forget(send);
    this.settle(send, reason);
    this.proceed();
  }

  /** Settles a send whose time is over. */
  timeOut(send: Send<Message, Result>): void {
    const lost = this.#losses?.reason;
    const error = lost === undefined ? timeOutOf(send, this.connection) : errorOf(send, lost);
    this.cancelSend(send, error); // promise: send-timeout
  }

  /** Resolves when every send accepted before has its outcome, which its own promise reports. */
  flush(): Promise<void> {
    return this.#unsettled.flushed();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The server will close the connection soon: later sends use the next one. */
  onGoAway(): void {
    // A publisher keeps its stream, like a subscription. Single sends move to the next connection.
    if (this.#idle !== undefined) this.isGoingAway = true;
  }

  cancel(): void {
    this.#end(clientClosed(this.subject));
    this.abort();
  }

  /**
   * Calls back with the reason when the sender is closing. Returns a function that stops watching.
   */
  onClosing(watcher: ClosingWatcher): () => void {
    if (this.#state.kind !== "closing" && this.#state.kind !== "closed") return this.#closingWatchers.add(watcher);
    watcher(this.#state.kind === "closing" ? this.#closedError(this.subject) : this.#state.reason);
    return () => {};
  }

  /** Whether messages are kept until their answers, to be sent again. */
  protected get keepsMessages(): boolean {
    return this.#losses !== undefined;
  }

  /** Removes the next waiting send, before it is written to the stream. */
  protected shift(): void {
    const send = this.waiting.shift();
    if (send !== undefined && !send.isSettled) this.#time(send);
  }

  /** Settles a send. Call `proceed()` after the last of several. */
  protected settle(send: Send<Message, Result>, error: unknown, result?: Result): void {
    if (send.isSettled) return;
    this.#unsettled.remove();
    if (error === undefined) this.#losses?.answered();
    send.settle(error, result);
  }

  /** Turns a send into a unary call. Returns false when it cannot be one. */
  protected handToCall(send: Send<Message, Result>, why?: KubeMQError): boolean {
    if (!send.handToCall(why)) return false;
    this.#unsettled.remove();
    return true;
  }

  /** Transmits waiting sends when there may be room, and detects when none is left. */
  protected proceed(): void {
    if (this.#state.kind === "closed") return;
    this.#transmit();
    if (this.#unsettled.count > 0) return;
    this.#losses?.stop();
    this.#deadlines.removeSettled();
    this.#unsettled.resolveFlushes();
    this.#idle?.begin();
  }

  /**
   * Settles the sends of a lost stream, or sends them again. The server may have processed them, so
   * this needs the option `resend`, except when the server provably has not processed them.
   */
  protected lost(sends: readonly Send<Message, Result>[], error: KubeMQError, wasAccepted: boolean): void {
    const isUnprocessed = !wasAccepted && isRefusalOfStream(error);
    const open = sends.filter((send) => !send.isSettled && !(isUnprocessed && this.handToCall(send, error)));
    // promise: resend-after-loss
    if (open.length > 0 && this.#losses?.begin(error, countOf(open)) === true) this.#putBack(open);
    else for (const send of open) this.settle(send, errorOf(send, error));
    // promise: publisher-reopens
    if (!this.#reconnects && this.#state.kind === "open" && this.#idle === undefined) this.#end(error);
    else this.proceed();
  }

  #admit(send: Send<Message, Result>): void {
    if (this.#state.kind !== "open" && this.#state.kind !== "idle") this.checkOpen(subjectOf(send));
    this.waiting.checkRoom(send);
    this.#idle?.interrupt();
    if (this.#state.kind === "idle") this.#join(subjectOf(send));
  }

  #join(subject: Subject): void {
    this.connection.join(this, subject, false); // promise: sender-not-in-state
    this.#state = { kind: "open" };
  }

  #putBack(sends: readonly Send<Message, Result>[]): void {
    const newer = this.waiting.putBack(sends);
    // Nothing is written while no server can be reached, so their time starts now.
    if (this.#losses?.isLasting === true) for (const send of newer) this.#time(send);
  }

  #transmit(): void {
    if (this.#losses?.isWaiting !== true) this.transmit();
  }

  /** Starts the time of a send, unless it has started. */
  #time(send: Send<Message, Result>): void {
    if (send.timeoutMs !== undefined || send.deadline !== Infinity) return;
    send.deadline = this.#deadlines.next();
    this.#deadlines.add(send);
  }

  readonly #transmitDue = (): void => {
    this.#isTransmissionDue = false;
    if (this.#state.kind !== "closed") this.#transmit();
  };

  /** Leaves the stream after a time without sends. */
  async #release(): Promise<void> {
    if (this.#state.kind !== "open" || this.#unsettled.count > 0) return;
    await this.leaveSoon();
    if (this.#state.kind !== "open" || this.#unsettled.count > 0) return;
    // A send has opened another stream meanwhile, which is left after its own idle period.
    if (this.#idle?.isRunning === true) return; // promise: second-stream-left
    this.#state = { kind: "idle" };
    this.connection.leave(this);
  }

  /** Leaves the stream in the background; a close waits for it. */
  protected leaveSoon(): Promise<void> {
    this.isGoingAway = false;
    this.#leaving = Promise.all([this.#leaving, this.leave()]).then(() => {});
    return this.#leaving;
  }

  async #close(): Promise<void> {
    if (this.#state.kind !== "closed") {
      this.#state = { kind: "closing" };
      this.#closingWatchers.tell(this.#closedError(this.subject));
      await this.flush(); // promise: publisher-close-flushes
      this.#end(this.#closedError(this.subject));
    }
    await this.#leaving; // promise: upstream-drained-once
  }

  /** A publisher may be closed while its client is open. */
  #closedError(subject: Subject): KubeMQError {
    return this.#idle === undefined ? publisherClosed(subject) : clientClosed(subject);
  }

  /** Settles every send immediately; the stream is left in the background. */
  #end(reason: unknown): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closed", reason };
    this.#closingWatchers.tell(reason);
    this.#unwatch();
    this.#idle?.stop();
    this.#deadlines.stop();
    this.#losses?.stop();
    const left = this.leaveSoon();
    for (const send of this.unanswered()) this.settle(send, reason);
    for (const send of this.waiting.drain()) this.settle(send, reason);
    this.#unsettled.resolveFlushes();
    void left.then(() => this.connection.leave(this));
  }

  /** Removes and returns the unanswered sends. */
  protected abstract unanswered(): readonly Send<Message, Result>[];
}
