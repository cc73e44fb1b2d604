import assert from "node:assert/strict";
import type { KubeMQClient } from "kubemq-es";
import { within } from "../../support/until.js";
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
