import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { type StartPosition, type StoredEvent } from "kubemq-es";
import { ManualClock } from "kubemq-es/testing";
import { within } from "../support/until.js";
import { openWorld, type OpenWorld } from "../support/with-broker.js";

const SECOND_MS = 1_000;
/** Start of the broker's clock: one second before the first event. */
const EPOCH_MS = 1_700_000_000_000;

let world: OpenWorld;
let client: KubeMQClient;
const clock = new ManualClock(BigInt(EPOCH_MS) * 1_000_000n);

/** Ten events, one per second; number n was stored n seconds after the epoch. */
beforeAll(async () => {
  world = await openWorld({ broker: { clock } });
  ({ client } = world);
  for (let n = 1; n <= 10; n++) {
    clock.advance(SECOND_MS);
    await client.eventsStore.publish({ channel: "history", body: String(n) });
  }
});
afterAll(() => world.end());

const at = (seconds: number) => new Date(EPOCH_MS + seconds * SECOND_MS);

/**
 * The sequences of the history from a start position up to the event that is published after it.
 */
async function history(start: StartPosition): Promise<bigint[]> {
  const subscription = client.eventsStore.subscribe({ channel: "history", start });
  await subscription.ready;
  const { id } = await client.eventsStore.publish({ channel: "history", body: "end" });
  const seen: StoredEvent[] = [];
  const loop = (async () => {
    for await (const event of subscription) {
      if (event.id === id) break;
      seen.push(event);
    }
  })();
  await within(10_000, `the end of the history from ${start.from}`, loop);
  for (const { sequence, timestamp } of seen) {
    if (sequence <= 10n) expect(timestamp).toEqual(at(Number(sequence)));
  }
  return seen.map(({ sequence }) => sequence).filter((sequence) => sequence <= 10n);
}

const from = (first: number) => Array.from({ length: 11 - first }, (_, index) => BigInt(first + index));

describe("start positions over ten events one second apart", () => {
  test.each<[string, StartPosition, bigint[]]>([
    ["new", { from: "new" }, []],
    ["first", { from: "first" }, from(1)],
    ["sequence 1", { from: "sequence", sequence: 1 }, from(1)],
    ["sequence 4", { from: "sequence", sequence: 4n }, from(4)],
    ["sequence 10", { from: "sequence", sequence: 10 }, from(10)],
    ["sequence far beyond the end", { from: "sequence", sequence: 2n ** 60n }, []],
    ["before all", { from: "time", time: at(-100) }, from(1)],
    ["the time of an event", { from: "time", time: at(7) }, from(7)],
    ["between two", { from: "time", time: new Date(at(7).getTime() + 1) }, from(8)],
    ["a time in the future", { from: "time", time: at(1_000_000) }, []],
    ["the last three seconds and what is stored in this one", { from: "timeDelta", seconds: 3 }, from(7)],
    ["more seconds than there were", { from: "timeDelta", seconds: 1_000_000 }, from(1)],
  ])("a store loop started from %s receives the right events", async (_, start, expected) => {
    expect(await history(start)).toEqual(expected);
  });

  test("a store loop started from last receives one event, then new ones", async () => {
    const { id: last } = await client.eventsStore.publish({ channel: "last", body: "1" });
    const subscription = client.eventsStore.subscribe({ channel: "last", start: { from: "last" } });
    await subscription.ready;
    const { id: next } = await client.eventsStore.publish({ channel: "last", body: "2" });
    const seen: string[] = [];
    for await (const { id } of subscription) if (seen.push(id) === 2) break;
    expect(seen).toEqual([last, next]);
  });
});
