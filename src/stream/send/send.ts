import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import type { Timed } from "./deadlines.js";

/** Receives the outcome of a send: an error, or undefined and the result. */
export type Settle<Result> = (error: unknown, result: Result | undefined) => void;

/** The properties of a send, known before it is accepted. */
export interface About {
  /** The operation, for errors. */
  readonly operation: string;
  /** The id that identifies the answer, where answers have ids. */
  readonly id: string;
  /** The caller chose the id, so that another send may have it too. */
  readonly isIdGiven: boolean;
  /** Undefined for a batch to several channels. */
  readonly channel: string | undefined;
  /** Number of messages. */
  readonly count: number;
  /** Estimated size on the wire, in bytes. */
  readonly bytes: number;
}

/** The operation and channel of a send, for its errors. */
export function subjectOf({ operation, channel }: Pick<About, "operation" | "channel">): Subject {
  return channel === undefined ? { operation } : { operation, channel };
}

export function countOf(sends: readonly Pick<About, "count">[]): number {
  return sends.reduce((sum, { count }) => sum + count, 0);
}

/** One send, from its acceptance to its outcome. */
export abstract class Send<Message, Result> implements Timed, About {
  /** Released with the outcome, because a deadline may retain the send longer. */
  message: Message | undefined;
  readonly operation: string;
  readonly id: string;
  readonly isIdGiven: boolean;
  readonly channel: string | undefined;
  readonly count: number;
  readonly bytes: number;
  deadline = Infinity;
  /** The caller's time-out in milliseconds. Default: the client's. */
  timeoutMs: number | undefined = undefined;
  /** False for a send of `publishAll`, which awaits its outcomes only at its limit and its end. */
  isAwaited = true;
  /** Called once, with the outcome. */
  release: (() => void) | undefined = undefined;
  #isSettled = false;

  constructor(message: Message, about: About) {
    this.message = message;
    this.operation = about.operation;
    this.id = about.id;
    this.isIdGiven = about.isIdGiven;
    this.channel = about.channel;
    this.count = about.count;
    this.bytes = about.bytes;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Called once, with the outcome. */
  protected abstract onSettled(error: unknown, result: Result | undefined): void;

  settle(error: unknown, result?: Result): void {
    if (this.conclude()) this.onSettled(error, result);
  }

  /** Ends the wait for an outcome. Returns false when it has ended before. */
  protected conclude(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.message = undefined;
    this.release?.();
    return true;
  }

  /**
   * Turns the send into a unary call, which settles its promise. `why` is the error that refused
   * the stream, if that is the reason. Returns false when the send has no such call.
   */
  handToCall(_why: KubeMQError | undefined): boolean {
    return false;
  }
}

/** A send of a publisher, which reports the outcome to a function. */
export class SubmittedSend<Message, Result> extends Send<Message, Result> {
  readonly #settle: Settle<Result>;

  constructor(message: Message, about: About, settle: Settle<Result>) {
    super(message, about);
    this.#settle = settle;
  }

  protected override onSettled(error: unknown, result: Result | undefined): void {
    this.#settle(error, result);
  }
}
