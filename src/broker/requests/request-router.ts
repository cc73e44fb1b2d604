import type { Cancel, Clock } from "../clock.js";
import { nuid, randomToken } from "./nuid.js";
import { Subjects, countOf, fanOut } from "../channels/subjects.js";

/** The outcome of a request. */
export type Answer<Res> = { readonly kind: "response"; readonly response: Res } | { readonly kind: "timeout" };

interface Pending<Res> {
  readonly settle: (answer: Answer<Res>) => void;
  readonly timer: Cancel;
}

/** A pending request: its answer, and how to cancel it. */
export interface Asked<Res> {
  readonly answer: Promise<Answer<Res>>;
  /** Number of responders that received the request. */
  readonly copies: number;
  /** The caller is gone: a later answer is discarded. */
  readonly abandon: () => void;
}

/**
 * Requests of one kind, and their responders.
 *
 * A request goes to every responder without a group and to one of each group; the first answer to
 * its inbox wins. An answer that arrives too late, or after the caller has left, is discarded
 * silently.
 */
export class RequestRouter<Req, Res> {
  readonly #clock: Clock;
  readonly #inboxes: Inboxes<Res>;
  readonly #responders = new Subjects<(request: Req) => boolean>();

  constructor(clock: Clock, inboxes: Inboxes<Res>) {
    this.#clock = clock;
    this.#inboxes = inboxes;
  }

  /** Adds a responder. It returns whether it accepted the request. */
  subscribe(pattern: string, group: string, responder: (request: Req) => boolean): () => void {
    return this.#responders.add(pattern, group, responder);
  }

  /** The number of responders that listen to a channel. */
  responders(channel: string): number {
    return countOf(this.#responders.match(channel));
  }

  /** Sends a request to all its responders. `address` creates the request for the given inbox. */
  ask(channel: string, timeoutMs: number, address: (inbox: string) => Req): Asked<Res> {
    const inboxes = this.#inboxes;
    const inbox = inboxes.newName();
    let settle: (answer: Answer<Res>) => void = () => {};
    const answer = new Promise<Answer<Res>>((resolve) => (settle = resolve));
    const timeout = () => {
      inboxes.delete(inbox);
      settle({ kind: "timeout" });
    };
    inboxes.set(inbox, { settle, timer: this.#clock.setTimer(timeoutMs, timeout) });
    const request = address(inbox);
    let copies = 0;
    fanOut(this.#responders.match(channel), (responder) => {
      if (responder(request)) copies++;
    });
    return { answer, copies, abandon: () => inboxes.delete(inbox) };
  }
}

/** The inboxes of the pending requests. */
export class Inboxes<Res> {
  readonly #prefix = `_INBOX.${nuid()}.`;
  readonly #pending = new Map<string, Pending<Res>>();

  /** Number of unanswered requests. */
  get size(): number {
    return this.#pending.size;
  }

  /** Delivers an answer to a pending request. Returns false when no request is pending for it. */
  answer(inbox: string, response: Res): boolean {
    const pending = this.#pending.get(inbox);
    if (pending === undefined) return false;
    this.delete(inbox);
    pending.settle({ kind: "response", response });
    return true;
  }

  newName(): string {
    return this.#prefix + randomToken(8);
  }

  set(inbox: string, pending: Pending<Res>): void {
    this.#pending.set(inbox, pending);
  }

  delete(inbox: string): void {
    this.#pending.get(inbox)?.timer();
    this.#pending.delete(inbox);
  }

  /** Cancels the request. */
  clear(): void {
    for (const inbox of this.#pending.keys()) this.delete(inbox);
  }
}
