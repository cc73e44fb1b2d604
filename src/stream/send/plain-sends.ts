import type { CallOptions } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import { onAbort } from "../../support/abort.js";
import { setDeadline } from "../../support/time/clock.js";
import { checkTimeout, type Subject } from "../../support/checks.js";
import { checkCallOptions } from "../../support/names/call-options.js";
import { type About, Send, subjectOf } from "./send.js";
import { timeOutOf } from "./send-errors.js";
import type { Sender } from "./sender.js";

/** Makes a unary call for a message. */
export type SendByCall<Message, Result> = (
  message: Message,
  subject: Subject,
  options: CallOptions | undefined,
) => Promise<Result>;

/**
 * The default HTTP/2 window of a stream, in bytes (RFC 9113, section 6.9.2). A larger message would
 * stop the stream, and delay the messages behind it by at least one round trip.
 */
const MAX_STREAMED_BYTES = 65_535;

/**
 * Time for which an unused stream stays open, in milliseconds: long enough for a busy client, too
 * short to delay the exit of a process.
 */
export const LINGER_MS = 250;

/**
 * Sends whose callers await each of them, over one stream of the client: a unary call costs about
 * four times as much. A large message is sent by a unary call beside the stream. Every message is,
 * when the server does not have the stream, or limits the streams so that this one would need a
 * connection of its own.
 */
export class PlainSends<Message, Result> {
  readonly #connection: Connection;
  readonly #sender: Sender<Message, Result>;
  #hasStream = true;

  constructor(connection: Connection, sender: Sender<Message, Result>) {
    this.#connection = connection;
    this.#sender = sender;
  }

  send(
    message: Message,
    about: About,
    options: CallOptions | undefined,
    call: SendByCall<Message, Result>,
  ): Promise<Result> {
    if (options !== undefined) checkCallOptions(subjectOf(about), options);
    if (!this.#hasStream || about.bytes > MAX_STREAMED_BYTES || this.#needsConnection)
      return call(message, subjectOf(about), options);
    return new Promise((resolve, reject) => {
      const send = new Send<Message, Result>(message, about, (error, result) => {
        if (error === undefined) resolve(result as Result);
        else reject(error);
      });
      send.byCall = (why) => {
        if (why?.code === "UNSUPPORTED") this.#hasStream = false;
        call(message, subjectOf(about), options).then(resolve, reject);
      };
      if (options !== undefined) this.#bound(send, options);
      this.#sender.accept(send);
    });
  }

  /**
   * Whether a stream would open a further connection, because the streams of the client fill all that
   * it has. Calls have streams in reserve there.
   */
  get #needsConnection(): boolean {
    return this.#sender.isIdle && !this.#connection.route.hasRoom; // promise: sends-need-no-connection
  }

  /** Applies the caller's time-out and signal. */
  #bound(send: Send<Message, Result>, { timeoutMs, signal }: CallOptions): void {
    const subject = subjectOf(send);
    const { clock, options } = this.#connection;
    const boundMs = checkTimeout(subject, timeoutMs, options.timeoutMs);
    if (signal?.aborted === true) throw signal.reason;
    let cancelTimer = () => {};
    if (timeoutMs !== undefined) {
      send.timeoutMs = boundMs;
      cancelTimer = setDeadline(clock, boundMs, () => this.#sender.cancelSend(send, timeOutOf(subject)));
    }
    const unwatch = onAbort(signal, () => this.#sender.cancelSend(send, signal?.reason));
    send.release = () => {
      cancelTimer();
      unwatch();
    };
  }
}
