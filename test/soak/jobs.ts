import { KubeMQError, type Delivery } from "kubemq-es";
import type { Findings } from "./findings.js";
import { LINES } from "./lines.js";
import { Latency, Outcome, parseBody, type Producer } from "./producer.js";
import type { Windows } from "./windows.js";

/** The known state of a job. */
const Fate = {
  unseen: 0,
  /** A loop is processing it. */
  held: 1,
  /** It went back to the queue, or must have: it must be delivered again. */
  due: 2,
  /** The outcome of its acknowledgement is unknown: it may be delivered again. */
  unclear: 3,
  /** Its acknowledgement was confirmed: it must not be delivered again. */
  done: 4,
} as const;

interface Taker {
  readonly by: string;
  readonly leased: boolean;
}

interface Column {
  readonly producer: Producer;
  readonly fate: Uint8Array;
  readonly deliveries: Uint16Array;
  /** The loop that took the latest delivery, and whether it holds leases. */
  readonly takers: (Taker | undefined)[];
  /** From the intended send to the first delivery. */
  readonly latency: Latency;
}

/** A delivery of a job, which its loop settles. */
export interface Held {
  readonly producer: Producer;
  readonly number: number;
  /** Number of deliveries so far, this one included. */
  readonly times: number;
  /** It was already done. */
  readonly late: boolean;
}

/** Tracks every job of some producers from its first delivery to its acknowledgement. */
export class Jobs {
  readonly #columns = new Map<string, Column>();
  #redelivered = 0;
  #unclear = 0;
  #overtaken = 0;
  /** The loops by name, so that the record of a delivery takes no memory. */
  readonly #takers = new Map<string, Taker>();

  constructor(
    readonly producers: readonly Producer[],
    readonly findings: Findings,
    readonly windows: Windows,
  ) {
    for (const producer of producers) {
      const { capacity } = producer;
      const column = {
        producer,
        fate: new Uint8Array(capacity),
        deliveries: new Uint16Array(capacity),
        takers: Array<Taker | undefined>(capacity).fill(undefined),
        latency: new Latency(producer.name),
      };
      this.#columns.set(producer.name, column);
    }
  }

  /**
   * Records a delivery.
   * @param leased The lease of the job may have expired in transit or while the job waited for the
   *   loop. It may then be done already: only the server knows, and it refuses the settlement.
   */
  take(body: string, by: string, leased = false): Held | undefined {
    const { name, number } = parseBody(body);
    const column = this.#columns.get(name);
    if (column === undefined || !(number < column.producer.sent)) {
      this.findings.add("wrong", `${by} received what was not sent: ${body.slice(0, 60)}`);
      return undefined;
    }
    const { producer, fate, deliveries, takers, latency } = column;
    const late = fate[number] === Fate.done;
    if (!late) fate[number] = Fate.held;
    else if (!leased) this.findings.add("doubled", `${by} received ${name} ${number}, which was acknowledged`);
    const times = (deliveries[number] ?? 0) + 1;
    deliveries[number] = times;
    const taker = this.#takers.get(by) ?? { by, leased };
    this.#takers.set(by, taker);
    takers[number] = taker;
    if (times === 1) latency.since(producer.intendedAt(number));
    else this.#redelivered += 1;
    return { producer, number, times, late };
  }

  /** Acknowledges, and records how certain the outcome is. */
  async ack(held: Held, ack: () => Promise<void>, by: string): Promise<void> {
    const { name } = held.producer;
    const from = performance.now();
    try {
      await ack();
      const later = this.#laterTaker(held);
      // A lease, or a stream that a fault ends, can be over while its message waits in the socket of
      // this process, which then takes it after a delivery that the server made later. The server
      // must refuse the acknowledgement of the ended one. If it accepts both, the next check reports
      // the second one.
      if (later?.leased === true) this.#overtaken += 1;
      else if (later !== undefined && this.windows.overlap(LINES, from, performance.now())) this.#overtaken += 1;
      else if (later !== undefined)
        this.findings.add("doubled", `${by} acknowledged ${name} ${held.number}, delivered to ${later.by} meanwhile`);
      if (this.#fate(held) === Fate.done)
        this.findings.add("doubled", `${by} acknowledged ${name} ${held.number} once more`);
      this.#set(held, Fate.done);
    } catch (error) {
      if (held.late) return this.#expect(error, `${by} ack of ${name} ${held.number}`);
      if (KubeMQError.is(error, "LEASE_LOST")) return this.#set(held, Fate.due);
      this.#expect(error, `${by} ack of ${name} ${held.number}`);
      this.#set(held, Fate.unclear);
      this.#unclear += 1;
    }
  }

  /** Gives a job back. Whatever the outcome, it must be delivered again. */
  async giveBack(held: Held, settle: () => Promise<void>, by: string): Promise<void> {
    // It may be delivered again before this promise resolves.
    if (!held.late) this.#set(held, Fate.due);
    try {
      await settle();
      if (held.late) {
        this.findings.add("doubled", `${by} gave back ${held.producer.name} ${held.number}, which was acknowledged`);
      }
    } catch (error) {
      this.#expect(error, `${by} gave back ${held.producer.name} ${held.number}`);
    }
  }

  /** The loop ended with this job unsettled: the server takes it back. */
  leave(held: Held): void {
    if (!held.late) this.#set(held, Fate.due);
  }

  /** Asking for the next job acknowledged this one, without a reported confirmation. */
  finish(held: Held): void {
    if (!held.late) this.#set(held, Fate.unclear);
  }

  /** The number of jobs that were confirmed as sent and not finished. */
  open(isLost: (producer: Producer, number: number) => boolean): number {
    let open = 0;
    for (const { producer, fate } of this.#columns.values()) {
      for (let number = 0; number < producer.sent; number++) {
        const isOver = fate[number] === Fate.done || fate[number] === Fate.unclear;
        const wasSent = producer.outcome[number] === Outcome.confirmed || fate[number] !== Fate.unseen;
        if (wasSent && !isOver && !isLost(producer, number)) open += 1;
      }
    }
    return open;
  }

  reconcile(isLost: (producer: Producer, number: number) => boolean): string[] {
    const lines: string[] = [];
    for (const { producer, fate, latency } of this.#columns.values()) {
      let done = 0;
      let unclear = 0;
      let withMemory = 0;
      let arrived = 0;
      for (let number = 0; number < producer.sent; number++) {
        if (fate[number] === Fate.done) done += 1;
        if (fate[number] === Fate.unclear) unclear += 1;
        if (fate[number] !== Fate.unseen && producer.outcome[number] === Outcome.unknown) arrived += 1;
        if (fate[number] === Fate.done || fate[number] === Fate.unclear) continue;
        if (fate[number] === Fate.unseen && producer.outcome[number] !== Outcome.confirmed) continue;
        if (isLost(producer, number)) withMemory += 1;
        else {
          const state = ["never came", "is held by a loop that has ended", "went back, and did not come again"];
          this.findings.add("lost", `${producer.name} ${number} ${state[fate[number] ?? 0]}`);
        }
      }
      lines.push(
        `${producer.name}: ${producer.sent} sent, ${producer.count(Outcome.confirmed)} confirmed, ` +
          `${producer.count(Outcome.unknown)} unknown of which ${arrived} arrived, ${producer.skipped} left out; ` +
          `${done} acknowledged, ${unclear} perhaps, ${withMemory} went with the memory of a killed broker`,
        `  ${latency.line()}`,
      );
    }
    lines.push(
      `${this.#redelivered} deliveries once more, ${this.#unclear} acknowledgements unclear, ` +
        `${this.#overtaken} that were over when they were taken`,
    );
    return lines;
  }

  #fate({ producer, number }: Held): number {
    return this.#columns.get(producer.name)?.fate[number] ?? Fate.unseen;
  }

  /** The loop that took the job after this delivery, if any. */
  #laterTaker(held: Held): Taker | undefined {
    return this.#isLatest(held) ? undefined : this.#columns.get(held.producer.name)?.takers[held.number];
  }

  #isLatest({ producer, number, times }: Held): boolean {
    return this.#columns.get(producer.name)?.deliveries[number] === times;
  }

  /**
   * Only the latest delivery of a job decides its state; the server took older ones back earlier.
   */
  #set(held: Held, fate: number): void {
    const column = this.#columns.get(held.producer.name);
    if (column === undefined || column.fate[held.number] === Fate.done) return;
    if (fate === Fate.done || this.#isLatest(held)) column.fate[held.number] = fate;
  }

  #expect(error: unknown, what: string): void {
    if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT", "LEASE_LOST")) {
      this.findings.add("unexpected", `${what}: ${String(error)}`);
    }
  }
}

export type AnyDelivery = Pick<Delivery, "ack" | "reject" | "requeue">;
