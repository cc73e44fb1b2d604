/**
 * A plain model of the queues: everything is in one list, which is searched at every step. It
 * shares no code with the broker.
 */

const second = 1_000_000_000n;

export interface Wishes {
  readonly expirationSeconds: number;
  readonly delaySeconds: number;
  readonly maxReceiveCount: number;
  readonly maxReceiveQueue: string;
}

interface Stored {
  readonly id: string;
  readonly queue: string;
  readonly wishes: Wishes;
  readonly sequence: number;
  readonly timestamp: bigint;
  readonly deliveries: number;
  readonly expiresAt: bigint;
  readonly reroutedFrom: string;
  holder: number | undefined;
  /** Its queue was deleted; settling it has no effect. */
  orphaned: boolean;
}

interface Delayed {
  readonly id: string;
  readonly queue: string;
  readonly wishes: Wishes;
  readonly dueAt: bigint;
}

interface Consumer {
  readonly number: number;
  readonly queue: string;
  readonly most: number;
  got: number;
}

export interface Delivery {
  readonly consumer: number;
  readonly id: string;
  readonly queue: string;
  readonly sequence: number;
  readonly receiveCount: number;
  readonly reroutedFrom: string;
  readonly expiresAt: bigint;
}

export class NaiveQueues {
  now: bigint;
  readonly deliveries: Delivery[] = [];
  #stored: Stored[] = [];
  #delayed: Delayed[] = [];
  #line: Consumer[] = [];
  readonly #lastSequence = new Map<string, number>();
  readonly #expired = new Map<string, number>();
  readonly #maxMessages: number;
  readonly #maxAgeMs: number;

  constructor(now: bigint, maxMessages: number, maxAgeMs: number) {
    this.now = now;
    this.#maxMessages = maxMessages;
    this.#maxAgeMs = maxAgeMs;
  }

  send(id: string, queue: string, wishes: Wishes): void {
    if (wishes.delaySeconds > 0) {
      this.#delayed.push({ id, queue, wishes, dueAt: this.now + BigInt(wishes.delaySeconds) * second });
      return;
    }
    const { expirationSeconds } = wishes;
    const expiresAt = expirationSeconds === 0 ? 0n : this.now + BigInt(expirationSeconds) * second;
    this.#append(id, queue, wishes, 0, expiresAt, "");
  }

  join(number: number, queue: string, most: number): void {
    this.#line.push({ number, queue, most, got: 0 });
    this.#serve();
  }

  leave(number: number): void {
    this.#line = this.#line.filter((consumer) => consumer.number !== number);
  }

  heldBy(number: number): number[] {
    return this.#stored.filter(({ holder }) => holder === number).map(({ sequence }) => sequence);
  }

  /** The message of the first failure, if any. */
  settle(number: number, how: "ack" | "nack" | "requeue", sequences: readonly number[], to: string): string {
    for (const sequence of sequences) {
      const message = this.#stored.find((one) => one.holder === number && one.sequence === sequence);
      if (message === undefined) return `invalid ${how === "nack" ? "nack" : "ack"} sequence id ${sequence}`;
      if (how === "requeue" && to.includes("*")) {
        return (
          `re-queue message with seq ${sequence} failed, ` +
          "Error 120: invalid queue name value, cannot be empty, contains wildcards ,white spaces and end with dot"
        );
      }
      this.#stored = this.#stored.filter((one) => one !== message);
      if (message.orphaned) continue;
      if (how === "requeue") {
        const most = message.wishes.maxReceiveCount === 0 ? 1024 : message.wishes.maxReceiveCount;
        this.send(message.id, to, { ...message.wishes, delaySeconds: 0, maxReceiveCount: most });
      }
      if (how === "nack") this.#again(message);
    }
    return "";
  }

  release(numbers: readonly number[]): void {
    for (const number of numbers) {
      this.#stored = this.#stored.filter(({ holder, orphaned }) => holder !== number || !orphaned);
      for (const message of this.#stored) if (message.holder === number) message.holder = undefined;
      this.#serve();
    }
  }

  delete(queue: string): void {
    this.#stored = this.#stored.filter((message) => message.queue !== queue || message.holder !== undefined);
    for (const message of this.#stored) if (message.queue === queue) message.orphaned = true;
    this.#delayed = this.#delayed.filter((message) => message.queue !== queue);
    if (!this.#line.some((consumer) => consumer.queue === queue)) {
      this.#lastSequence.delete(queue);
      this.#expired.delete(queue);
    }
  }

  advance(ms: number): void {
    const until = this.now + BigInt(ms) * 1_000_000n;
    for (;;) {
      const due = this.#delayed.filter(({ dueAt }) => dueAt <= until);
      if (due.length === 0) break;
      const next = due.reduce((first, one) => (one.dueAt < first.dueAt ? one : first));
      this.#delayed = this.#delayed.filter((one) => one !== next);
      this.now = next.dueAt;
      this.send(next.id, next.queue, { ...next.wishes, delaySeconds: 0 });
    }
    this.now = until;
  }

  counts(queue: string): { waiting: number; held: number; expired: number; delayed: number; last: number } {
    this.#dropAged();
    const here = this.#stored.filter((message) => message.queue === queue && !message.orphaned);
    return {
      waiting: here.filter(({ holder }) => holder === undefined).length,
      held: here.filter(({ holder }) => holder !== undefined).length,
      expired: this.#expired.get(queue) ?? 0,
      delayed: this.#delayed.filter((message) => message.queue === queue).length,
      last: this.#lastSequence.get(queue) ?? 0,
    };
  }

  #again(message: Stored): void {
    const deliveries = message.deliveries + 1;
    const { maxReceiveCount: most, maxReceiveQueue: dead } = message.wishes;
    if (most === 0 || deliveries < most) {
      this.#append(message.id, message.queue, message.wishes, deliveries, message.expiresAt, message.reroutedFrom);
    } else if (dead !== "") {
      const none = { expirationSeconds: 0, delaySeconds: 0, maxReceiveCount: 0, maxReceiveQueue: "" };
      this.#append(message.id, dead, none, 0, message.expiresAt, message.queue);
    }
  }

  #append(
    id: string,
    queue: string,
    wishes: Wishes,
    deliveries: number,
    expiresAt: bigint,
    reroutedFrom: string,
  ): void {
    const sequence = (this.#lastSequence.get(queue) ?? 0) + 1;
    this.#lastSequence.set(queue, sequence);
    this.#stored.push({
      id,
      queue,
      wishes,
      sequence,
      timestamp: this.now,
      deliveries,
      expiresAt,
      reroutedFrom,
      holder: undefined,
      orphaned: false,
    });
    this.#serve();
  }

  #dropAged(): void {
    if (this.#maxAgeMs === Infinity) return;
    const oldest = this.now - BigInt(this.#maxAgeMs) * 1_000_000n;
    this.#stored = this.#stored.filter(({ holder, timestamp }) => holder !== undefined || timestamp >= oldest);
  }

  #waiting(queue: string): Stored[] {
    return this.#stored
      .filter((message) => message.queue === queue && message.holder === undefined)
      .sort((a, b) => a.sequence - b.sequence);
  }

  #serve(): void {
    this.#dropAged();
    for (;;) {
      const consumer = this.#line.find(({ queue }) => this.#waiting(queue).length > 0);
      if (consumer === undefined) break;
      const [message] = this.#waiting(consumer.queue);
      if (message === undefined) break;
      this.#line = this.#line.filter((one) => one !== consumer);
      if (message.expiresAt !== 0n && message.expiresAt < this.now) {
        this.#stored = this.#stored.filter((one) => one !== message);
        this.#expired.set(message.queue, (this.#expired.get(message.queue) ?? 0) + 1);
      } else {
        message.holder = consumer.number;
        consumer.got++;
        this.deliveries.push({
          consumer: consumer.number,
          id: message.id,
          queue: message.queue,
          sequence: message.sequence,
          receiveCount: message.deliveries + 1,
          reroutedFrom: message.reroutedFrom,
          expiresAt: message.expiresAt,
        });
      }
      if (consumer.got < consumer.most) this.#line.push(consumer);
    }
    for (const queue of this.#lastSequence.keys()) {
      for (let waiting = this.#waiting(queue); waiting.length > this.#maxMessages; waiting = this.#waiting(queue)) {
        this.#stored = this.#stored.filter((one) => one !== waiting[0]);
      }
    }
  }
}
