import { forEachConcurrent, type KubeMQClient } from "kubemq-es";
import { sleep } from "../support/until.js";
import type { AnyDelivery, Held, Jobs } from "./jobs.js";
import type { LineName } from "./lines.js";
import type { World } from "./world.js";

export const DEAD = "soak-dead";
export const policy = { deadLetter: { queue: DEAD, maxReceiveCount: 4 } };

/** Jobs that always fail: rejected until they become dead letters. */
const isPoison = (number: number) => number % 97 === 13;

export type Consumer = (signal: AbortSignal) => Promise<void>;

/**
 * Consumers of each kind. They acknowledge, reject, requeue, replace, leave, and let leases expire,
 * at random.
 */
export function queueConsumers(world: World, clients: Readonly<Record<LineName, KubeMQClient>>, jobs: Jobs) {
  const { stop } = world;

  /** Settles a delivery in a random way. */
  const work = async (held: Held, delivery: AnyDelivery, by: string, channel: string, chance: number) => {
    if (isPoison(held.number) && channel !== DEAD) return jobs.giveBack(held, () => delivery.reject(), by);
    if (chance < 0.05 && channel !== DEAD) return jobs.giveBack(held, () => delivery.reject(), by);
    if (chance < 0.08 && channel !== DEAD) return jobs.giveBack(held, () => delivery.requeue(channel), by);
    return jobs.ack(held, () => delivery.ack(), by);
  };

  /** Processes as many jobs at once as it prefetches. */
  const consumer = (line: LineName, channel: string, prefetch: number): Consumer => {
    const by = `consumer of ${channel} on ${line}`;
    const random = world.random(by + prefetch);
    return (signal) =>
      forEachConcurrent(clients[line].queues.consume({ channel, prefetch }, { signal }), prefetch, async (delivery) => {
        const held = jobs.take(delivery.text(), by);
        if (held !== undefined) await work(held, delivery, by, channel, random.next());
      });
  };

  /** A handler that settles by its return value. Confirmations are not reported. */
  const processor = (line: LineName, channel: string, concurrency: number): Consumer => {
    const by = `processor of ${channel} on ${line}`;
    const random = world.random(by);
    return (signal) =>
      clients[line].queues.process(
        { channel, prefetch: concurrency },
        (delivery) => {
          const held = jobs.take(delivery.text(), by);
          if (held === undefined) return undefined;
          const chance = random.next();
          const isRefused = isPoison(held.number) || chance < 0.05;
          if (isRefused || chance < 0.08) jobs.leave(held);
          else jobs.finish(held);
          if (isRefused) return "reject";
          return chance < 0.08 ? { requeue: channel } : "ack";
        },
        { signal, concurrency },
      );
  };

  /** Acknowledges by asking for the next job. Leaving the loop rejects the current one. */
  const nexter = (line: LineName, channel: string): Consumer => {
    const by = `loop over ${channel} on ${line}`;
    const random = world.random(by);
    return async (signal) => {
      while (!signal.aborted) {
        const request = { channel, settle: "on-next", prefetch: 16 } as const;
        for await (const delivery of clients[line].queues.consume(request, { signal })) {
          const held = jobs.take(delivery.text(), by);
          if (held === undefined) continue;
          if (isPoison(held.number) || random.next() < 0.02) {
            jobs.leave(held);
            break;
          }
          jobs.finish(held);
        }
      }
    };
  };

  /** Repeatedly leaves its loop while it processes a job. */
  const leaver = (line: LineName, channel: string): Consumer => {
    const by = `leaver of ${channel} on ${line}`;
    const random = world.random(by);
    return async (signal) => {
      while (!signal.aborted) {
        let left = random.between(5, 60);
        for await (const delivery of clients[line].queues.consume({ channel, prefetch: 3 }, { signal })) {
          const held = jobs.take(delivery.text(), by);
          if (held === undefined) continue;
          left -= 1;
          if (left === 0) {
            jobs.leave(held);
            break;
          }
          await work(held, delivery, by, channel, random.next());
        }
      }
    };
  };

  /**
   * Holds jobs under leases, as many at once as it prefetches, or one at a time. With one at a
   * time, the leases of waiting jobs expire while the loop sleeps, and those jobs move to the end
   * of the queue.
   */
  const leaser = (line: LineName, channel: string, autoExtend: boolean, concurrency: number): Consumer => {
    const by = `leases on ${line}`;
    const random = world.random(by);
    const request = { channel, visibilitySeconds: 2, autoExtend, prefetch: 4 };
    return (signal) =>
      forEachConcurrent(clients[line].queues.consume(request, { signal }), concurrency, async (delivery) => {
        const body = delivery.text();
        const held = jobs.take(body, by, true);
        if (held === undefined) return;
        const chance = random.next();
        // Longer than the visibility: the lease is extended, or is lost and the job delivered
        // again.
        if (chance > 0.99 && !stop.aborted) await sleep(random.between(2_500, 3_000));
        if (chance < 0.9 || isPoison(held.number)) await work(held, delivery, by, channel, random.next());
        else await jobs.giveBack(held, () => delivery.replace({ channel, body, policy }), by);
      });
  };

  const batcher = (line: LineName, channel: string): Consumer => {
    const by = `batches on ${line}`;
    const random = world.random(by);
    return async (signal) => {
      for await (const batch of clients[line].queues.consumeBatches({ channel, max: 20 }, { signal })) {
        const deliveries = batch.messages.flatMap((delivery) => {
          const held = jobs.take(delivery.text(), by);
          return held === undefined ? [] : [{ held, delivery }];
        });
        await Promise.all(deliveries.map(({ held, delivery }) => work(held, delivery, by, channel, random.next())));
      }
    };
  };

  return { consumer, processor, nexter, leaver, leaser, batcher };
}
