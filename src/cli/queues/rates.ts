import type { QueueDetails } from "../../index.js";

/** A queue at the time of a sample, and its rates since the previous sample. */
export interface QueueSample {
  readonly name: string;
  /** False for a queue that the server does not have (yet). */
  readonly exists: boolean;
  readonly waiting: number;
  readonly consumers: number;
  /** Messages per second; undefined in the first sample. A rejected message counts again. */
  readonly inPerSecond?: number;
  readonly outPerSecond?: number;
}

interface Moment {
  readonly atMs: number;
  readonly queues: ReadonlyMap<string, QueueDetails>;
}

/** Computes rates from successive counts of the server. */
export class QueueRates {
  #last: Moment | undefined;

  /** One sample a queue; for the given names only, if there are any. */
  next(queues: readonly QueueDetails[], names: readonly string[], atMs: number): QueueSample[] {
    const moment = { atMs, queues: new Map(queues.map((queue) => [queue.name, queue])) };
    const last = this.#last;
    this.#last = moment;
    return (names.length > 0 ? names : [...moment.queues.keys()]).map((name) => sampleOf(name, moment, last));
  }
}

function sampleOf(name: string, { atMs, queues }: Moment, last: Moment | undefined): QueueSample {
  const queue = queues.get(name);
  const { waiting = 0, subscribers: consumers = 0 } = queue ?? {};
  const sample = { name, exists: queue !== undefined, waiting, consumers };
  if (last === undefined) return sample;
  const before = last.queues.get(name);
  const seconds = Math.max(atMs - last.atMs, 1) / 1_000;
  // Servers do not count consumed messages: out = in - growth.
  const came = Math.max(position(queue) - position(before), 0);
  const went = Math.max(came - (waiting - (before?.waiting ?? 0)), 0);
  return { ...sample, inPerSecond: rate(came / seconds), outPerSecond: rate(went / seconds) };
}

/**
 * The number of messages that the queue ever received. A server that lists channels only has no
 * sequences.
 */
function position(queue: QueueDetails | undefined): number {
  if (queue === undefined) return 0;
  return queue.lastSequence > 0n ? Number(queue.lastSequence) : queue.messages;
}

const rate = (perSecond: number) => (perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond));
