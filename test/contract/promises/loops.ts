import assert from "node:assert/strict";
import type { ConsumeRequest, KubeMQClient, OnDeliveryRequest } from "kubemq-es";
import { until, within } from "../../support/until.js";
import type { World } from "../world.js";

/** What a loop that runs beside the check has received so far. */
export interface Collected<T> {
  readonly items: T[];
  /** Resolves when the loop has ended; rejects with what ended it. */
  readonly ended: Promise<void>;
}

/** Runs a loop beside the check. `each` is its body; what it returns is collected. */
export function collect<T, R>(source: AsyncIterable<T>, each: (item: T) => R | Promise<R>): Collected<R> {
  const items: R[] = [];
  const ended = (async () => {
    for await (const item of source) items.push(await each(item));
  })();
  ended.catch(() => {});
  return { items, ended };
}

export const text = (message: { text(): string }): string => message.text();

export const texts = (messages: readonly { text(): string }[]): string[] => messages.map(text);

/** The numbers from `from` on, as strings. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, at) => String(from + at));
}

/** Sends numbered messages to a queue, in order. */
export async function fill(client: KubeMQClient, channel: string, count: number, from = 0): Promise<void> {
  for (let at = 0; at < count; at += 1_000) {
    const bodies = numbers(Math.min(1_000, count - at), from + at);
    await client.queues.sendBatch(bodies.map((body) => ({ channel, body })));
  }
}

/** A promise that the check resolves. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Whether a promise has settled by now. */
export function settledFlag(promise: Promise<unknown>): () => boolean {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  return () => settled;
}

/** Shows that something is true in every round. Gives up after five that failed, since each may have waited for long. */
export async function everyTime(
  { rounds }: World,
  what: string,
  round: (at: number) => Promise<boolean>,
): Promise<void> {
  const failed: number[] = [];
  for (let at = 0; at < rounds && failed.length < 5; at++) if (!(await round(at))) failed.push(at);
  assert.deepEqual(failed, [], `not in these rounds of ${rounds}: ${what}`);
}

/** Whether a promise resolves in time. */
export async function resolves(ms: number, promise: Promise<unknown>): Promise<boolean> {
  try {
    await within(ms, "it resolves", promise);
    return true;
  } catch {
    return false;
  }
}

export const byNumber = (one: string, other: string): number => Number(one) - Number(other);

interface Settling {
  readonly settle?: (ConsumeRequest | OnDeliveryRequest)["settle"];
}

/** One consumer receives 200 messages in their order. */
export async function inOrder(world: World, prefetch: number, options: Settling = {}): Promise<void> {
  const client = await world.client();
  const channel = world.channel("order");
  await fill(client, channel, 200);
  const received: string[] = [];
  for await (const job of client.queues.consume({ channel, prefetch, ...options })) {
    received.push(job.text());
    if (options.settle === undefined && "ack" in job) await job.ack();
    if (received.length === 200) break;
  }
  assert.deepEqual(received, numbers(200));
}

/** Two consumers of one queue receive 1,000 messages, each once. */
export async function shared(world: World, options: Settling): Promise<void> {
  const clients: KubeMQClient[] = [await world.client(), await world.client()];
  const channel = world.channel("shared");
  const total = 1_000;
  const loops = clients.map((client) =>
    collect(client.queues.consume({ channel, prefetch: 8, ...options }), async (job) => {
      if (options.settle === undefined && "ack" in job) await job.ack();
      return job.text();
    }),
  );
  await fill(await world.client(), channel, total);
  const all = () => loops.flatMap(({ items }) => items);
  await until("all messages have been received", () => new Set(all()).size === total, 30_000);
  assert.deepEqual(all().sort(byNumber), numbers(total));
}
