import type { CallOptions, SendOptions } from "../../api/message.js";
import type { Call } from "../../connection/calls.js";
import type { Connection } from "../../connection/connection.js";
import { onAbort } from "../../support/abort.js";
import { setDeadline } from "../../support/time/clock.js";
import { checkTimeout, type Subject } from "../../support/checks.js";
import { checkSendOptions } from "../../support/names/call-options.js";
import { callAgain } from "../resend/calls.js";
import { resendsOf } from "../resend/policy.js";
import { type About, Send, subjectOf } from "./send.js";
import type { Sender } from "./sender.js";

/** Makes a unary call for a message. */
export type SendByCall<Message, Result> = (message: Message, subject: Subject, call: Call) => Promise<Result>;

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
  readonly #open: (resend: boolean) => Sender<Message, Result>;
  readonly #once: Sender<Message, Result>;
  /** For the sends that are sent again: while they wait for a server, the others do not. */
  #again: Sender<Message, Result> | undefined;
  #hasStream = true;

  constructor(connection: Connection, open: (resend: boolean) => Sender<Message, Result>) {
    this.#connection = connection;
    this.#open = open;
    this.#once = open(false);
  }

  send(
    message: Message,
    about: About,
    options: SendOptions | undefined,
    call: SendByCall<Message, Result>,
  ): Promise<Result> {
    if (options !== undefined) checkSendOptions(subjectOf(about), options);
    const resend = resendsOf(this.#connection, about, options?.resend);
    const sender = resend ? (this.#again ??= this.#open(true)) : this.#once;
    const byCall = () => this.#byCall(message, about, options, resend, call);
    if (!this.#hasStream || about.bytes > MAX_STREAMED_BYTES || this.#needsConnection(sender)) return byCall();
    return new Promise((resolve, reject) => {
      const send = new Send<Message, Result>(message, about, (error, result) => {
        if (error === undefined) resolve(result as Result);
        else reject(error);
      });
      send.byCall = (why) => {
        if (why?.code === "UNSUPPORTED") this.#hasStream = false;
        byCall().then(resolve, reject);
      };
      if (options !== undefined) this.#bound(send, options, sender);
      sender.accept(send);
    });
  }

  #byCall(
    message: Message,
    about: About,
    options: SendOptions | undefined,
    resend: boolean,
    call: SendByCall<Message, Result>,
  ): Promise<Result> {
    const subject = subjectOf(about);
    const { signal, timeoutMs: ownMs } = options ?? {};
    if (!resend) return call(message, subject, { ...subject, options: { signal, timeoutMs: ownMs } });
    const timeoutMs = checkTimeout(subject, ownMs, this.#connection.options.timeoutMs);
    const bounds = { timeoutMs, signal, messages: about.count };
    return callAgain(this.#connection, subject, bounds, (leftMs, settles) =>
      call(message, subject, { ...subject, options: { signal, timeoutMs: leftMs }, settles }),
    );
  }

  /**
   * Whether a stream would open a further connection, because the streams of the client fill all that
   * it has. Calls have streams in reserve there.
   */
  #needsConnection(sender: Sender<Message, Result>): boolean {
    return sender.isIdle && !this.#connection.route.hasRoom; // promise: sends-need-no-connection
  }

  /** Applies the caller's time-out and signal. */
  #bound(send: Send<Message, Result>, { timeoutMs, signal }: CallOptions, sender: Sender<Message, Result>): void {
    const subject = subjectOf(send);
    const { clock, options } = this.#connection;
    const boundMs = checkTimeout(subject, timeoutMs, options.timeoutMs);
    if (signal?.aborted === true) throw signal.reason;
    let cancelTimer = () => {};
    if (timeoutMs !== undefined) {
      send.timeoutMs = boundMs;
      cancelTimer = setDeadline(clock, boundMs, () => sender.timeOut(send));
    }
    const unwatch = onAbort(signal, () => sender.cancelSend(send, signal?.reason));
    send.release = () => {
      cancelTimer();
      unwatch();
    };
  }
}
