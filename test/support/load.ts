import { json, KubeMQError, type Delivery, type KubeMQClient } from "kubemq-es";

/** The content of a message: its number, and the time at which it was due. */
interface Numbered {
  readonly n: number;
  readonly dueAt: number;
}

/** A small number per message; grows as needed, at one byte per message. */
class Counts {
  #counts = new Uint8Array(1024);

  of(n: number): number {
    return this.#counts[n] ?? 0;
  }

  add(n: number): number {
    if (n >= this.#counts.length) {
      const more = new Uint8Array(Math.max(n + 1, this.#counts.length * 2));
      more.set(this.#counts);
      this.#counts = more;
    }
    const next = Math.min(255, this.of(n) + 1);
    this.#counts[n] = next;
    return next;
  }
}

/**
 * Latencies in milliseconds, in buckets of a tenth of a power of two: the memory does not grow with
 * the load.
 */
class Latencies {
  readonly #buckets = Array.from({ length: 300 }, () => 0);
  #count = 0;

  add(ms: number): void {
    this.#count += 1;
    const bucket = Math.max(0, Math.min(299, Math.round(Math.log2(Math.max(ms, 0.01) * 100) * 10)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  percentile(part: number): number {
    let left = this.#count * part;
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0) return Math.round(2 ** (bucket / 10)) / 100;
    }
    return 0;
  }
}

export interface Account {
  readonly pattern: string;
  readonly offered: number;
  readonly confirmed: number;
  /** Sends that failed: whether they arrived is unknown, and they are not repeated. */
  readonly failed: Readonly<Record<string, number>>;
  readonly received: number;
  /** Confirmed and not received, beyond what the pattern allows. */
  readonly lost: number;
  /** Received again, beyond what the pattern allows. */
  readonly doubled: number;
  /** Other violations. */
  readonly wrong: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Books {
  /** The highest number received; -1 before the first. */
  latest: number;
  readonly confirmed: Counts;
  readonly received: Counts;
  readonly latencies: Latencies;
  readonly wrong: string[];
  confirmedCount: number;
  receivedCount: number;
  doubled: number;
  readonly failed: Record<string, number>;
}

interface Pattern {
  readonly name: string;
  /** Whether a confirmed message must arrive. */
  readonly keeps: boolean;
  send(message: Numbered): Promise<boolean>;
  /** Receives until the signal aborts. */
  receive(signal: AbortSignal): Promise<void>;
}

/**
 * Sends at a steady rate, whatever the outcomes (an open loop), and records confirmations and
 * arrivals. No more than `atMost` messages are under way at any time: with few, a machine that is
 * too busy for the rate does not fall ever further behind.
 */
export class Load {
  readonly books: Books = {
    confirmed: new Counts(),
    received: new Counts(),
    latencies: new Latencies(),
    latest: -1,
    wrong: [],
    confirmedCount: 0,
    receivedCount: 0,
    doubled: 0,
    failed: {},
  };
  readonly #pattern: Pattern;
  readonly #perSecond: number;
  readonly #atMost: number;
  readonly #receiving = new AbortController();
  #offered = 0;
  #pending = 0;
  #sending: Promise<void> | undefined;
  #received: Promise<void> | undefined;
  #stopped = false;

  constructor(makePattern: (books: Books) => Pattern, perSecond: number, atMost = 2000) {
    this.#pattern = makePattern(this.books);
    this.#perSecond = perSecond;
    this.#atMost = atMost;
  }

  start(): void {
    this.#received = this.#pattern.receive(this.#receiving.signal).catch((error: unknown) => {
      this.books.wrong.push(`the receiver ended with ${describe(error)}`);
    });
    this.#sending = this.#send();
  }

  /** Stops sending. Resolves when every send has an outcome. */
  async stopSending(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
  }

  /** Whether every message that must arrive has arrived. */
  get isSettled(): boolean {
    return !this.#pattern.keeps || this.#missing() === 0;
  }

  async stop(): Promise<Account> {
    await this.stopSending();
    this.#receiving.abort();
    await this.#received;
    const { books } = this;
    return {
      pattern: this.#pattern.name,
      offered: this.#offered,
      confirmed: books.confirmedCount,
      failed: books.failed,
      received: books.receivedCount,
      lost: this.#pattern.keeps ? this.#missing() : 0,
      doubled: books.doubled,
      wrong: books.wrong.slice(0, 5),
      p50Ms: books.latencies.percentile(0.5),
      p99Ms: books.latencies.percentile(0.99),
      maxMs: books.latencies.percentile(1),
    };
  }

  get name(): string {
    return this.#pattern.name;
  }

  /** The number of messages due so far, which is the number of the next one. */
  get offered(): number {
    return this.#offered;
  }

  /** The number of messages received so far. */
  get receivedCount(): number {
    return this.books.receivedCount;
  }

  /** Messages without an outcome, and confirmed ones that have not arrived. */
  #underWay(): number {
    return this.#pending + (this.#pattern.keeps ? this.#missing() : 0);
  }

  /** The number of sends confirmed so far. */
  get confirmedCount(): number {
    return this.books.confirmedCount;
  }

  #missing(): number {
    let missing = 0;
    for (let n = 0; n < this.#offered; n++) {
      if (this.books.confirmed.of(n) > 0 && this.books.received.of(n) === 0) missing += 1;
    }
    return missing;
  }

  async #send(): Promise<void> {
    const startedAt = performance.now();
    const outcomes = new Set<Promise<void>>();
    while (!this.#stopped) {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * this.#perSecond);
      for (; this.#offered <= due && this.#underWay() < this.#atMost; this.#offered++) {
        const outcome = this.#offer({
          n: this.#offered,
          dueAt: startedAt + (this.#offered * 1000) / this.#perSecond,
        }).finally(() => outcomes.delete(outcome));
        outcomes.add(outcome);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(outcomes);
  }

  async #offer(message: Numbered): Promise<void> {
    const { books } = this;
    this.#pending += 1;
    try {
      if (!(await this.#pattern.send(message))) return;
      books.confirmed.add(message.n);
      books.confirmedCount += 1;
    } catch (error) {
      const code = KubeMQError.is(error) ? error.code : describe(error);
      books.failed[code] = (books.failed[code] ?? 0) + 1;
      if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT", "RESOURCE_EXHAUSTED")) {
        books.wrong.push(`a send failed with ${describe(error)}`);
      }
    } finally {
      this.#pending -= 1;
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error || KubeMQError.is(error)
    ? `${error.message} (${(error as { code?: string }).code})`
    : String(error);
}

const codec = json<Numbered>();

function arrived(books: Books, { n, dueAt }: Numbered): number {
  books.receivedCount += 1;
  books.latest = Math.max(books.latest, n);
  const times = books.received.add(n);
  if (times === 1) books.latencies.add(performance.now() - dueAt);
  return times;
}

/** Events: at most once. */
export const events =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string) =>
  (books: Books): Pattern => {
    const publisher = sender.events.publisher();
    return {
      name: "events",
      keeps: false,
      async send(body) {
        await publisher.publish({ channel, body, codec });
        return true;
      },
      async receive(signal) {
        for await (const { value } of receiver.events.subscribe({ channel, codec }, { signal })) {
          if (arrived(books, value) > 1) books.doubled += 1;
        }
      },
    };
  };

/** Stored events: all of them, in order, exactly once. */
export const store =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string) =>
  (books: Books): Pattern => {
    const publisher = sender.eventsStore.publisher();
    return {
      name: "eventsStore",
      keeps: true,
      async send(body) {
        await publisher.publish({ channel, body, codec });
        return true;
      },
      async receive(signal) {
        let last = 0n;
        for await (const event of receiver.eventsStore.subscribe(
          { channel, codec, start: { from: "first" } },
          { signal },
        )) {
          if (event.sequence !== last + 1n) books.wrong.push(`sequence ${event.sequence} after ${last}`);
          last = event.sequence;
          if (arrived(books, event.value) > 1) books.doubled += 1;
        }
      },
    };
  };

/**
 * Settles a consumer's deliveries: each must be acknowledged once, and may be delivered again if it
 * was not. The loop does not await each ack: on a busy machine it would then fall behind the
 * sender.
 */
async function work(books: Books, deliveries: AsyncIterable<Delivery<Numbered>>): Promise<void> {
  const acked = new Counts();
  const settling = new Set<Promise<void>>();
  const settle = async (delivery: Delivery<Numbered>, n: number) => {
    try {
      await delivery.ack();
      acked.add(n);
    } catch (error) {
      if (!KubeMQError.is(error, "LEASE_LOST", "UNAVAILABLE", "TIMEOUT"))
        books.wrong.push(`an ack failed with ${describe(error)}`);
    }
  };
  for await (const delivery of deliveries) {
    const { n } = delivery.value;
    if (acked.of(n) > 0) books.doubled += 1;
    arrived(books, delivery.value);
    const settled = settle(delivery, n).finally(() => settling.delete(settled));
    settling.add(settled);
  }
  await Promise.all(settling);
}

/** Queue messages, sent one at a time. */
export const queue =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string, prefetch = 8) =>
  (books: Books): Pattern => ({
    name: "queues",
    keeps: true,
    async send(body) {
      await sender.queues.send({ channel, body, codec });
      return true;
    },
    receive: (signal) => work(books, receiver.queues.consume({ channel, codec, prefetch }, { signal })),
  });

/** Queue messages, sent on a stream and received under leases. */
export const leases =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string, prefetch = 4) =>
  (books: Books): Pattern => {
    const publisher = sender.queues.publisher();
    return {
      name: "leases",
      keeps: true,
      async send(body) {
        await publisher.send({ channel, body, codec });
        return true;
      },
      receive(signal) {
        return work(
          books,
          receiver.queues.consume({ channel, codec, prefetch, visibilitySeconds: 30, autoExtend: true }, { signal }),
        );
      },
    };
  };

/** Commands: executed at most once, and each one reported as executed was executed. */
export const commands =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string, timeoutMs = 2_000) =>
  (books: Books): Pattern => ({
    name: "commands",
    keeps: true,
    async send(body) {
      const result = await sender.commands.send({ channel, body, codec }, { timeoutMs });
      if (!result.ok) books.wrong.push(`a command failed: ${result.error}`);
      return result.ok;
    },
    async receive(signal) {
      await receiver.commands.handle(
        { channel, codec },
        ({ value }) => {
          if (arrived(books, value) > 1) books.doubled += 1;
        },
        { signal, concurrency: 32 },
      );
    },
  });

/** Queries: like commands, and the response must match the request. */
export const queries =
  (sender: KubeMQClient, receiver: KubeMQClient, channel: string, timeoutMs = 2_000) =>
  (books: Books): Pattern => ({
    name: "queries",
    keeps: true,
    async send(body) {
      const result = await sender.queries.send({ channel, body, codec }, { timeoutMs });
      if (!result.ok) books.wrong.push(`a query failed: ${result.error}`);
      else if (result.text() !== String(body.n)) books.wrong.push(`${body.n} was answered with ${result.text()}`);
      return result.ok;
    },
    async receive(signal) {
      await receiver.queries.handle(
        { channel, codec },
        ({ value }) => {
          if (arrived(books, value) > 1) books.doubled += 1;
          return String(value.n);
        },
        { signal, concurrency: 32 },
      );
    },
  });
