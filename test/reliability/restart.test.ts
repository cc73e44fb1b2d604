import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, type ClientOptions, type Status } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { BrokerProcess } from "../support/broker-process.js";
import { commands, events, Load, queue, store, type Account } from "../support/load.js";
import { type Direction, TcpProxy } from "../support/tcp-proxy.js";
import { sleep, until, within } from "../support/until.js";

const options: ClientOptions = {
  reconnect: { initialDelayMs: 20, maxDelayMs: 250 },
  keepalive: { intervalMs: 300, timeoutMs: 1_000 }, // a busy machine answers late
  timeoutMs: 3_000,
};

/** Messages per second of each pattern. */
const rate = 50;

/** Messages under way: on a busy machine a growing backlog would be measured otherwise. */
const atMost = 8;

/** Runs all patterns while a fault happens, and compares sent and received messages. */
async function underLoad(
  address: string,
  happens: (loads: readonly Load[]) => Promise<void>,
): Promise<readonly Account[]> {
  await using sender = await KubeMQClient.connect({ ...options, address });
  await using receiver = await KubeMQClient.connect({ ...options, address });
  const loads = [
    new Load(events(sender, receiver, "load.events"), rate, atMost),
    new Load(store(sender, receiver, "load.store"), rate, atMost),
    new Load(queue(sender, receiver, "load.queue"), rate, atMost),
    new Load(commands(sender, receiver, "load.commands"), rate, atMost),
  ];
  for (const load of loads) load.start();
  try {
    await untilAllGoOn(loads, 10_000);
    await happens(loads);
    const isEnough = (load: Load) => load.receivedCount > 40 && load.confirmedCount > 20;
    await until("enough has arrived to say so", () => loads.every(isEnough), 20_000);
    await Promise.all(loads.map((load) => load.stopSending()));
    await until("everything arrives", () => loads.every((load) => load.isSettled), 20_000);
  } catch (error) {
    const accounts = await Promise.all(loads.map((load) => load.stop()));
    throw new Error(`${String(error)}: ${JSON.stringify(accounts)}`, { cause: error });
  }
  return Promise.all(loads.map((load) => load.stop()));
}

/** The patterns with violations; too few messages would prove nothing. */
function amiss(accounts: readonly Account[]): readonly Account[] {
  return accounts.filter(
    ({ lost, doubled, wrong, confirmed }) => lost > 0 || doubled > 0 || wrong.length > 0 || confirmed <= 20,
  );
}

/** Waits until every pattern has received a new message. */
async function untilAllGoOn(loads: readonly Load[], withinMs: number): Promise<void> {
  const before = loads.map((load) => load.receivedCount);
  await until(
    "every loop goes on",
    () => loads.every((load, n) => load.receivedCount > (before[n] ?? 0) + 3),
    withinMs,
  );
}

/** Twice the maximum back-off delay, plus a margin for a busy machine. */
const backWithin = 2 * 250 + 8_000;

type Fault = (broker: Broker, proxy: TcpProxy) => Promise<void>;

/** Half-open until both clients have detected it and reconnect. */
async function halfOpen(proxy: TcpProxy, direction: Direction): Promise<void> {
  const before = proxy.accepted;
  proxy.drop(direction);
  await until("both clients connect again", () => proxy.accepted >= before + 2, 1_300 + 8_000);
}

/** Ends streams only; a call that ends with OK and without an answer would be a different test. */
function endStreams(broker: Broker, code: number): void {
  for (const rpc of ["SubscribeToEvents", "SubscribeToRequests", "SendEventsStream", "QueuesDownstream"]) {
    broker.faults.endStreams({ rpc, code, message: "ended by a test" });
  }
}

const faults: readonly (readonly [string, Fault])[] = [
  ["the server restarts with its store", (broker) => broker.faults.restart({ keepMemory: true, downMs: 200 })],
  ["every connection is reset", async (_, proxy) => proxy.reset()],
  ["every connection is closed", async (_, proxy) => proxy.fin()],
  ["GOAWAY, politely", async (broker) => broker.faults.goAway()],
  ["GOAWAY, ENHANCE_YOUR_CALM", async (broker) => broker.faults.goAway({ code: 11, reason: "too_many_pings" })],
  ["all streams end cleanly, the connection stays", async (broker) => endStreams(broker, 0)],
  ["all streams end with UNAVAILABLE", async (broker) => endStreams(broker, 14)],
  ["all streams end with CANCELLED", async (broker) => endStreams(broker, 1)],
  ["all streams end with RESOURCE_EXHAUSTED", async (broker) => endStreams(broker, 8)],
  [
    "a port that is closed for a while",
    async (_, proxy) => {
      proxy.refuse();
      proxy.reset();
      await sleep(300);
      await proxy.accept();
    },
  ],
  [
    "a half-open connection, both directions",
    async (_, proxy) => {
      await halfOpen(proxy, "both");
      proxy.restore();
    },
  ],
  [
    "a half-open connection, nothing arrives at the server",
    async (_, proxy) => {
      await halfOpen(proxy, "up");
      proxy.restore();
    },
  ],
  [
    "a half-open connection, nothing comes from the server",
    async (_, proxy) => {
      await halfOpen(proxy, "down");
      proxy.restore();
    },
  ],
  [
    "a network that is interrupted and works again",
    async (_, proxy) => {
      proxy.pause("both");
      await sleep(250);
      proxy.resume();
    },
  ],
];

describe("faults while all patterns are busy", () => {
  // Each waits for its clients most of the time.
  test.concurrent.each(faults)(
    "%s",
    async (_, fault) => {
      await using broker = await startBroker();
      await using proxy = await TcpProxy.start(broker.port);
      const accounts = await underLoad(proxy.address, async (loads) => {
        for (let round = 0; round < 2; round++) {
          await fault(broker, proxy);
          await untilAllGoOn(loads, backWithin + 1_300);
        }
      });
      expect(amiss(accounts)).toEqual([]);
    },
    120_000,
  );
});

describe("an idle client during faults", () => {
  test("an idle client reconnects after a restart and misses nothing stored meanwhile", async () => {
    await using broker = await startBroker();
    await using one = await KubeMQClient.connect({ ...options, address: broker.address });
    const got: bigint[] = [];
    const stop = new AbortController();
    const loop = (async () => {
      for await (const event of one.eventsStore.subscribe(
        { channel: "c", start: { from: "new" } },
        { signal: stop.signal },
      )) {
        got.push(event.sequence);
      }
    })();
    await until("it is up", () => one.state === "ready");
    for (let round = 0; round < 3; round++) {
      await broker.faults.restart({ downMs: 50 });
      await using other = await KubeMQClient.connect({ ...options, address: broker.address });
      await other.eventsStore.publish({ channel: "c", body: "x" });
      await until("it is back and has it", () => got.length === round + 1, backWithin);
      await until("it says so", () => one.state === "ready", backWithin);
    }
    stop.abort();
    await loop;
    expect(got).toEqual([1n, 2n, 3n]);
  });

  test("an idle client detects a half-open connection within interval and time-out, and loses nothing", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    await using one = await KubeMQClient.connect({ ...options, address: proxy.address });
    const seen: Status[] = [];
    void (async () => {
      for await (const status of one.status()) seen.push(status);
    })();
    const subscription = one.events.subscribe({ channel: "c" });
    await subscription.ready;
    for (const direction of ["up", "down", "both"] as const) {
      seen.length = 0;
      const since = performance.now();
      proxy.drop(direction);
      await until("it notices", () => seen.some(({ type }) => type === "retry"), 1_300 + 2_000);
      expect(performance.now() - since).toBeGreaterThan(250);
      proxy.restore();
      await until("it is back", () => one.state === "ready", backWithin);
    }
    await subscription.close();
  });

  test("an idle client keeps its one connection without retries while it answers pings", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    await using one = await KubeMQClient.connect({
      address: proxy.address,
      keepalive: { intervalMs: 10, timeoutMs: 2_000 },
    });
    const retries: Status[] = [];
    void (async () => {
      for await (const status of one.status()) if (status.type === "retry") retries.push(status);
    })();
    const got = one.events.subscribe({ channel: "c" })[Symbol.asyncIterator]();
    const first = got.next();
    const before = proxy.sent;
    await until("it was asked fifty times whether it lives", () => proxy.sent > before + 50);
    expect(proxy.accepted).toBe(1);
    expect(retries).toEqual([]);
    await one.events.publish({ channel: "c", body: "still here" });
    expect((await within(2_000, "the event", first)).value?.text()).toBe("still here");
  });
});

describe("a killed server that restarts without its store", () => {
  test("every loop continues: the store from its new start, queues and events with new messages", async () => {
    await using broker = await BrokerProcess.start();
    await using one = await KubeMQClient.connect({ ...options, address: broker.address });
    const stored: bigint[] = [];
    const jobs: string[] = [];
    const plain: string[] = [];
    const stop = new AbortController();
    const { signal } = stop;
    const loops = [
      (async () => {
        for await (const event of one.eventsStore.subscribe({ channel: "s", start: { from: "first" } }, { signal }))
          stored.push(event.sequence);
      })(),
      (async () => {
        for await (const job of one.queues.consume({ channel: "q" }, { signal })) {
          jobs.push(job.text());
          await job.ack().catch(() => {});
        }
      })(),
      (async () => {
        for await (const event of one.events.subscribe({ channel: "e" }, { signal })) plain.push(event.text());
      })(),
    ];
    const sendAll = async (body: string) => {
      await one.eventsStore.publish({ channel: "s", body });
      await one.queues.send({ channel: "q", body });
      await one.events.publish({ channel: "e", body });
    };
    await until("it is up", () => one.state === "ready");
    for (const body of ["a", "b", "c"]) await sendAll(body);
    await until("all came", () => stored.length === 3 && jobs.length === 3 && plain.length === 3);
    await broker.kill();
    await until("it is noticed", () => one.state === "reconnecting");
    await broker.start();
    await until("it is back", () => one.state === "ready", 10_000);
    await sendAll("d");
    await until("what is new comes", () => stored.length === 4 && jobs.includes("d") && plain.includes("d"), 15_000);
    expect(stored).toEqual([1n, 2n, 3n, 1n]);
    stop.abort();
    await Promise.all(loops);
  }, 90_000);
});
