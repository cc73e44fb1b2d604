import { describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { type Subscription } from "kubemq-es";
import { type Broker } from "kubemq-es/testing";
import { run } from "../support/run.js";
import { until } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const bodies = ["1", "2", "3", "4", "5"];

/**
 * A kind of stream: how five messages are sent to it, how a loop handles one, and what remains
 * after the loop.
 */
interface Kind<T> {
  readonly rpc: string;
  open(client: KubeMQClient, channel: string): Subscription<T>;
  /** Sends the five messages, before or after the stream is opened. */
  send(client: KubeMQClient, channel: string, signal: AbortSignal): Promise<unknown>;
  readonly sentFirst: boolean;
  work(item: T): Promise<void>;
  /** Whether unsettled messages return to their queue. */
  readonly comesBack: boolean;
}

function kind<T>(name: string, of: Kind<T>): readonly [string, Kind<T>] {
  return [name, of];
}

const done = () => Promise.resolve();
const each = (send: (body: string) => Promise<unknown>) => Promise.all(bodies.map(send));
/** Requests left unanswered by their loop: the signal ends them. */
const asks = (send: (body: string) => Promise<unknown>) => {
  for (const body of bodies) send(body).catch(() => {});
  return done();
};
const toQueue = async (client: KubeMQClient, channel: string) => {
  for (const body of bodies) await client.queues.send({ channel, body });
};

const kinds = [
  kind("events", {
    rpc: "SubscribeToEvents",
    open: (client, channel) => client.events.subscribe({ channel }),
    send: (client, channel) => each((body) => client.events.publish({ channel, body })),
    sentFirst: false,
    work: done,
    comesBack: false,
  }),
  kind("stored events", {
    rpc: "SubscribeToEvents",
    open: (client, channel) => client.eventsStore.subscribe({ channel, start: { from: "first" } }),
    send: (client, channel) => each((body) => client.eventsStore.publish({ channel, body })),
    sentFirst: true,
    work: done,
    comesBack: false,
  }),
  kind("commands", {
    rpc: "SubscribeToRequests",
    open: (client, channel) => client.commands.subscribe({ channel }),
    send: (client, channel, signal) => asks((body) => client.commands.send({ channel, body }, { signal })),
    sentFirst: false,
    work: (command) => command.respond(),
    comesBack: false,
  }),
  kind("queries", {
    rpc: "SubscribeToRequests",
    open: (client, channel) => client.queries.subscribe({ channel }),
    send: (client, channel, signal) => asks((body) => client.queries.send({ channel, body }, { signal })),
    sentFirst: false,
    work: (query) => query.respond({ body: "a" }),
    comesBack: false,
  }),
  kind("a queue", {
    rpc: "QueuesDownstream",
    open: (client, channel) => client.queues.consume({ channel, prefetch: 5 }),
    send: toQueue,
    sentFirst: true,
    work: (delivery) => delivery.ack(),
    comesBack: true,
  }),
  kind("a queue, under leases", {
    rpc: "StreamQueueMessage",
    open: (client, channel) => client.queues.consume({ channel, prefetch: 5, visibilitySeconds: 60 }),
    send: toQueue,
    sentFirst: true,
    work: (delivery) => delivery.ack(),
    comesBack: true,
  }),
] as const;

const reason = new Error("the body threw");
type Way = "break" | "return" | "throw";

/** Handles messages up to a position, and leaves the loop there. */
async function loop<T>(items: AsyncIterable<T>, position: number, way: Way, work: Kind<T>["work"], leaves: () => void) {
  let count = 0;
  for await (const item of items) {
    count += 1;
    if (count < position) {
      await work(item);
      continue;
    }
    leaves();
    if (way === "break") break;
    if (way === "return") return;
    throw reason;
  }
}

/** Returns the milliseconds from leaving the loop until the server sees its call cancelled. */
async function leave<T>(
  broker: Broker,
  client: KubeMQClient,
  of: Kind<T>,
  channel: string,
  way: Way,
  position: number,
) {
  const asking = new AbortController();
  const isGone = () => broker.stats().streams[of.rpc] === undefined;
  if (of.sentFirst) await of.send(client, channel, asking.signal);
  const subscription = of.open(client, channel);
  await subscription.ready;
  await until("its call is there", () => !isGone());
  if (!of.sentFirst) await of.send(client, channel, asking.signal);
  let leftAt = 0;
  let goneAt: Promise<number> | undefined;
  const leaves = () => {
    leftAt = performance.now();
    goneAt = until("its call is gone", isGone).then(() => performance.now());
  };
  const outcome = await loop(subscription, position, way, (item) => of.work(item), leaves).catch(
    (error: unknown) => error,
  );
  expect(outcome).toBe(way === "throw" ? reason : undefined);
  const tookMs = ((await goneAt) ?? Infinity) - leftAt;
  asking.abort();
  if (of.comesBack) {
    const expected = bodies.slice(position - 1);
    const rest = await client.queues.receive({ channel, max: expected.length, waitSeconds: 1 });
    expect(rest.map((message) => message.text()).sort()).toEqual(expected);
  }
  return tookMs;
}

/** How often a position is retried when it took too long. */
const TRIES = 12;

describe("leaving a stream", () => {
  test("leaving at random times, by every way to leave a loop, leaks no stream and no listener and causes no unhandled rejection", async () => {
    const { code, signal, stderr, stdout } = await run("churn.ts", ["400"], 100_000);
    expect({ code, signal, stderr, stdout }).toEqual({ code: 0, signal: null, stderr: "", stdout: "done\n" });
  }, 110_000);

  /*
   * Other work on the machine delays some attempts; a slow client would delay all of them. When an
   * attempt takes longer than 100 ms it is repeated, and the shortest of a few counts. On an idle
   * machine that is the first.
   */
  test.each<Way>(["break", "return", "throw"])(
    "%s at every position cancels the call within 100 ms, and prefetched messages come back",
    (way) =>
      withBroker(async ({ broker, client }) => {
        const slow: object[] = [];
        for (const [name, of] of kinds) {
          for (let position = 1; position <= bodies.length; position++) {
            const tookMs: number[] = [];
            while (tookMs.length < TRIES && !tookMs.some((ms) => ms <= 100)) {
              const channel = `leave.${name.replaceAll(/\W+/g, "-")}.${position}.${tookMs.length}`;
              tookMs.push(await leave(broker, client, of as Kind<unknown>, channel, way, position));
            }
            if (!tookMs.some((ms) => ms <= 100)) slow.push({ name, position, tookMs });
          }
        }
        expect(slow).toEqual([]);
      }),
    180_000,
  );
});
