import { fault } from "../../support/faults.js";
import { Fifo } from "../../support/fifo.js";
import { type Send, subjectOf } from "./send.js";

/** Maximum number of waiting messages. Above it a send is refused: its caller does not await. */
const MAX_WAITING = 100_000;

/** The sends that have yet to be written to a stream, in their order. */
export class Waiting<Message, Result> {
  readonly #sends = new Fifo<Send<Message, Result>>();
  #messages = 0;

  /** Number of sends, cancelled ones included. */
  get size(): number {
    return this.#sends.size;
  }

  /** Number of messages of these sends. */
  get messages(): number {
    return this.#messages;
  }

  /** @throws {KubeMQError} RESOURCE_EXHAUSTED when too many messages wait */
  checkRoom(send: Send<Message, Result>): void {
    // promise: publisher-bounded-waiting
    if (this.#sends.size > 0 && this.#messages + send.count > MAX_WAITING) {
      const text = `${MAX_WAITING} messages wait to be sent: await them before sending more`;
      throw fault("RESOURCE_EXHAUSTED", subjectOf(send), text, { retryable: true });
    }
  }

  push(send: Send<Message, Result>): void {
    this.#sends.push(send);
    this.#messages += send.count;
  }

  /** Puts sends back before all others. Returns the others. */
  putBack(sends: readonly Send<Message, Result>[]): readonly Send<Message, Result>[] {
    const others = this.drain();
    for (const send of sends) this.push(send); // promise: resend-in-order
    for (const send of others) this.push(send);
    return others;
  }

  /** Returns the next send without removing it. */
  peek(): Send<Message, Result> | undefined {
    for (let next = this.#sends.peek(); next !== undefined; next = this.#sends.peek()) {
      if (!next.isSettled) return next;
      this.shift();
    }
    return undefined;
  }

  shift(): Send<Message, Result> | undefined {
    const send = this.#sends.shift();
    if (send !== undefined) this.#messages -= send.count;
    return send;
  }

  /** Removes and returns all sends. */
  drain(): readonly Send<Message, Result>[] {
    this.#messages = 0;
    return this.#sends.drain();
  }
}
