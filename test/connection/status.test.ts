import { describe, expect, test } from "@jest/globals";
import { KubeMQError, type Status } from "kubemq-es";
import { StatusFeed } from "../../src/connection/status-feed.js";

const error = new KubeMQError("UNAVAILABLE", "lost");
const retry = (attempt: number): Status => ({
  type: "retry",
  channel: "c",
  kind: "events",
  attempt,
  delayMs: 1,
  error,
});

async function readAll(source: AsyncIterable<Status>): Promise<Status[]> {
  const all: Status[] = [];
  for await (const status of source) all.push(status);
  return all;
}

describe("the status feed", () => {
  test("a reader sees every entry published after it was created, also before it iterates", async () => {
    const feed = new StatusFeed();
    feed.publish(retry(1));
    const reader = feed.read(undefined);
    feed.publish(retry(2));
    feed.publish(retry(3));
    feed.end();
    expect(await readAll(reader)).toEqual([retry(2), retry(3)]);
  });

  test("every reader sees every entry", async () => {
    const feed = new StatusFeed();
    const readers = [feed.read(undefined), feed.read(undefined)].map(readAll);
    feed.publish(retry(1));
    feed.end();
    expect(await Promise.all(readers)).toEqual([[retry(1)], [retry(1)]]);
  });

  test("a slow reader buffers 256 entries and is told how many older ones were dropped", async () => {
    const feed = new StatusFeed();
    const slow = feed.read(undefined)[Symbol.asyncIterator]();
    for (let n = 1; n <= 256; n++) feed.publish(retry(n));
    expect(await slow.next()).toEqual({ done: false, value: retry(1) });
    for (let n = 257; n <= 300; n++) feed.publish(retry(n));
    expect(await slow.next()).toEqual({ done: false, value: { type: "overflow", dropped: 43 } });
    expect(await slow.next()).toEqual({ done: false, value: retry(45) });
    const other = feed.read(undefined);
    feed.publish(retry(301));
    feed.end();
    expect(await readAll(other)).toEqual([retry(301)]);
  });

  test("a reader ends with its signal, after the entries published before", async () => {
    const feed = new StatusFeed();
    const stop = new AbortController();
    const reader = feed.read(stop.signal);
    feed.publish(retry(1));
    stop.abort();
    feed.publish(retry(2));
    expect(await readAll(reader)).toEqual([retry(1)]);
    expect(await readAll(feed.read(stop.signal))).toEqual([]);
  });

  test("break releases the reader and ends a waiting next()", async () => {
    const feed = new StatusFeed();
    const reader = feed.read(undefined)[Symbol.asyncIterator]();
    const parked = reader.next();
    await reader.return?.();
    expect(await parked).toEqual({ done: true, value: undefined });
    feed.publish(retry(1));
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});
