import type { Message } from "../model/message.js";
import type { Queue } from "../model/queue.js";
import type { QueueStore } from "../model/store.js";
import { queueTexts } from "../texts.js";

/** The unsettled messages of one poll, by sequence. Every method returns an error, if any. */
export class Transaction {
  readonly #store: QueueStore;
  readonly #queue: Queue;
  readonly #held: Map<bigint, Message>;

  constructor(store: QueueStore, queue: Queue, messages: readonly Message[]) {
    this.#store = store;
    this.#queue = queue;
    this.#held = new Map(messages.map((message) => [BigInt(message.sequence), message]));
  }

  get offsets(): bigint[] {
    return [...this.#held.keys()];
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** From now on its call is a subscriber of the queue, until it releases the transaction. */
  hold(): void {
    this.#queue.hold(this);
  }

  /** Returns the unsettled messages to the queue, as if they had never been taken. */
  release(): void {
    this.#queue.letGo(this);
    const messages = [...this.#held.values()];
    this.#held.clear();
    this.#queue.release(messages);
  }

  ack(sequences: readonly bigint[]): string | undefined {
    return this.#each(sequences, queueTexts.ackUnknown, (message) => {
      this.#queue.ack(message);
      return undefined;
    });
  }

  nack(sequences: readonly bigint[]): string | undefined {
    return this.#each(sequences, queueTexts.nackUnknown, (message) => {
      this.#store.nack(this.#queue, message);
      return undefined;
    });
  }

  requeue(sequences: readonly bigint[], to: string): string | undefined {
    return this.#each(sequences, queueTexts.ackUnknown, (message, sequence) => {
      const failure = this.#store.requeue(this.#queue, message, to);
      return failure === undefined ? undefined : queueTexts.requeueFailed(sequence, failure);
    });
  }

  /** Handles them one by one, up to the first error; those before it stay settled. */
  #each(
    sequences: readonly bigint[],
    unknown: (sequence: bigint) => string,
    settle: (message: Message, sequence: bigint) => string | undefined,
  ): string | undefined {
    for (const sequence of sequences) {
      const message = this.#held.get(sequence);
      if (message === undefined) return unknown(sequence);
      const failure = settle(message, sequence);
      if (failure !== undefined) return failure;
      this.#held.delete(sequence);
    }
    return undefined;
  }
}
