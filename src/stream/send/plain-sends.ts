import type { KubeMQError } from "../../api/errors.js";
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

/** How messages are sent without a stream, and what their callers receive. */
export interface PlainPlan<Message, Result, Outcome> {
  readonly byCall: SendByCall<Message, Result>;
  /** Throws the error of a message that the server has refused. */
  outcome(result: Result): Outcome;
}

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
 * four times as much. A large message is sent by a unary call beside the stream. All messages are
 * sent by unary calls when the server does not have the stream, or when the stream would need a
 * further connection.
 */
export class PlainSends<Message, Result> {
  readonly #connection: Connection;
  readonly #open: (resend: boolean) => Sender<Message, Result>;
  readonly #once: Sender<Message, Result>;
  /** The sender of messages with `resend`. Only these wait while no server can be reached. */
  #again: Sender<Message, Result> | undefined;
  #hasStream = true;

  constructor(connection: Connection, open: (resend: boolean) => Sender<Message, Result>) {
    this.#connection = connection;
    this.#open = open;
    this.#once = open(false);
  }

  send<Outcome>(
    message: Message,
    about: About,
    options: SendOptions | undefined,
    plan: PlainPlan<Message, Result, Outcome>,
  ): Promise<Outcome> {
    if (options !== undefined) checkSendOptions(subjectOf(about), options);
    const resend = resendsOf(this.#connection, about, options?.resend);
    const sender = resend ? (this.#again ??= this.#open(true)) : this.#once;
    if (!this.#hasStream || about.bytes > MAX_STREAMED_BYTES || this.#needsConnection(sender)) {
      return this.#byCall(message, about, options, resend, plan);
    }
    return new Promise((resolve, reject) => {
      const byCall = (why: KubeMQError | undefined) => {
        if (why?.code === "UNSUPPORTED") this.#hasStream = false;
        return this.#byCall(message, about, options, resend, plan);
      };
      const send = new PlainSend(message, about, plan, byCall, resolve, reject);
      if (options !== undefined) this.#bound(send, options, sender);
      sender.accept(send);
    });
  }

  async #byCall<Outcome>(
    message: Message,
    about: About,
    options: SendOptions | undefined,
    resend: boolean,
    plan: PlainPlan<Message, Result, Outcome>,
  ): Promise<Outcome> {
    const subject = subjectOf(about);
    const { signal, timeoutMs: ownMs } = options ?? {};
    if (!resend) {
      return plan.outcome(await plan.byCall(message, subject, { ...subject, options: { signal, timeoutMs: ownMs } }));
    }
    const timeoutMs = checkTimeout(subject, ownMs, this.#connection.options.timeoutMs);
    const bounds = { timeoutMs, signal, messages: about.count };
    const attempt = (leftMs: number, settles: boolean) =>
      plan.byCall(message, subject, { ...subject, options: { signal, timeoutMs: leftMs }, settles });
    return plan.outcome(await callAgain(this.#connection, subject, bounds, attempt));
  }

  /**
   * Whether the stream would need a further connection, because the client's streams fill the
   * present ones. Unary calls have a reserve there.
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

/**
 * A send whose caller awaits its outcome. One object with methods costs less than a function for
 * each use.
 */
class PlainSend<Message, Result, Outcome> extends Send<Message, Result> {
  readonly #plan: PlainPlan<Message, Result, Outcome>;
  readonly #byCall: (why: KubeMQError | undefined) => Promise<Outcome>;
  readonly #resolve: (outcome: Outcome | Promise<Outcome>) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    message: Message,
    about: About,
    plan: PlainPlan<Message, Result, Outcome>,
    byCall: (why: KubeMQError | undefined) => Promise<Outcome>,
    resolve: (outcome: Outcome | Promise<Outcome>) => void,
    reject: (error: unknown) => void,
  ) {
    super(message, about);
    this.#plan = plan;
    this.#byCall = byCall;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  protected override onSettled(error: unknown, result: Result | undefined): void {
    if (error !== undefined) return this.#reject(error);
    try {
      this.#resolve(this.#plan.outcome(result as Result));
    } catch (refusal) {
      this.#reject(refusal);
    }
  }

  override handToCall(why: KubeMQError | undefined): boolean {
    if (!this.conclude()) return false;
    this.#resolve(this.#byCall(why));
    return true;
  }
}
