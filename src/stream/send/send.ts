import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import type { Timed } from "./deadlines.js";

/** Receives the outcome of a send: an error, or undefined and the result. */
export type Settle<Result> = (error: unknown, result: Result | undefined) => void;

/** What is known of a send before it is accepted. */
export interface About {
  /** For its errors. */
  readonly operation: string;
  /** By which its answer is recognised, where answers come by id. */
  readonly id: string;
  /** The caller gave the id, so that another send may have it too. */
  readonly isIdGiven: boolean;
  /** Undefined for a batch to several channels. */
  readonly channel: string | undefined;
  /** Messages in it. */
  readonly count: number;
  /** Size on the wire, estimated. */
  readonly bytes: number;
}

/** Where a send is to, for its errors. */
export function subjectOf({ operation, channel }: Pick<About, "operation" | "channel">): Subject {
  return channel === undefined ? { operation } : { operation, channel };
}

/** One send, from the moment it is accepted until it has its outcome. */
export class Send<Message, Result> implements Timed, About {
  /** Released with the outcome, since a deadline may retain the send longer. */
  message: Message | undefined;
  readonly operation: string;
  readonly id: string;
  readonly isIdGiven: boolean;
  readonly channel: string | undefined;
  readonly count: number;
  readonly bytes: number;
  deadline = Infinity;
  /** The time-out of the caller, in milliseconds. Without one it is the client's. */
  timeoutMs: number | undefined;
  /** Runs once with the outcome. */
  release: (() => void) | undefined;
  /** Sends it by a call of its own, because its stream was refused, or for no such reason. */
  byCall: ((why: KubeMQError | undefined) => void) | undefined;
  #settle: Settle<Result> | undefined;

  constructor(message: Message, about: About, settle: Settle<Result>) {
    this.message = message;
    this.operation = about.operation;
    this.id = about.id;
    this.isIdGiven = about.isIdGiven;
    this.channel = about.channel;
    this.count = about.count;
    this.bytes = about.bytes;
    this.#settle = settle;
  }

  get isSettled(): boolean {
    return this.#settle === undefined;
  }

  settle(error: unknown, result?: Result): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.message = undefined;
    this.release?.();
    settle(error, result);
  }

  /** Makes the send a call of its own, which settles its promise. Returns false when it has no such call. */
  handToCall(why: KubeMQError | undefined): boolean {
    const { byCall } = this;
    if (this.#settle === undefined || byCall === undefined) return false;
    this.#settle = undefined;
    this.message = undefined;
    this.release?.();
    byCall(why);
    return true;
  }
}
