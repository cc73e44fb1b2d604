import { expect, test } from "@jest/globals";
import { KubeMQClient, type ClientOptions } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { commands, events, leases, Load, queries, queue, store } from "../support/load.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";

/**
 * The RPCs that stay open, and how many calls of each the load below has; a minimum where one call
 * is made per message.
 */
const streams = {
  SubscribeToEvents: 2, // events, and stored ones
  SubscribeToRequests: 2, // commands and queries
  SendEventsStream: 1, // a publisher of stored events; one of plain events opens a stream for each burst
  QueuesUpstream: 1, // a publisher of queue messages
  QueuesDownstream: 1, // a consumer
  StreamQueueMessage: 1, // a consumer under leases
} as const;
const rpcs = Object.keys(streams) as (keyof typeof streams)[];

/** By code, from 0. */
const resets = [
  "RST_STREAM, NO_ERROR",
  "RST_STREAM, PROTOCOL_ERROR",
  "RST_STREAM, INTERNAL_ERROR",
  "RST_STREAM, FLOW_CONTROL_ERROR",
  "RST_STREAM, SETTINGS_TIMEOUT",
  "RST_STREAM, STREAM_CLOSED",
  "RST_STREAM, FRAME_SIZE_ERROR",
  "RST_STREAM, REFUSED_STREAM",
  "RST_STREAM, CANCEL",
  "RST_STREAM, COMPRESSION_ERROR",
  "RST_STREAM, CONNECT_ERROR",
  "RST_STREAM, ENHANCE_YOUR_CALM",
  "RST_STREAM, INADEQUATE_SECURITY",
  "RST_STREAM, HTTP_1_1_REQUIRED",
];

interface End {
  readonly name: string;
  /**
   * The expected number of connections after recovery: ending streams alone does not end the
   * connection, unless several in a row end with ENHANCE_YOUR_CALM.
   */
  readonly connections: 1 | 2;
  /** Returns how many messages of a pattern may come a second time. */
  strike(broker: Broker): Again;
}

type Again = Readonly<Record<string, number>>;

const eachRpc = (name: string, strike: (broker: Broker, rpc: string) => number): End => ({
  name,
  connections: 1,
  strike(broker) {
    const struck = rpcs.map((rpc) => [rpc, strike(broker, rpc)] as const);
    for (const [rpc, count] of struck) expect([rpc, count >= streams[rpc]]).toEqual([rpc, true]);
    return {};
  },
});

/**
 * Servers end the call of a settled lease cleanly, and community servers sometimes lose the answer
 * before. A clean end that crosses an acknowledgement is therefore taken for its answer, and the
 * message comes again.
 */
const cleanEnd = (): End => {
  const every = eachRpc("a clean end", (broker, rpc) => broker.faults.endStreams({ rpc, code: 0 }));
  return {
    ...every,
    strike(broker) {
      const leases = broker.stats().streams.StreamQueueMessage ?? 0;
      every.strike(broker);
      return { leases };
    },
  };
};

/** Maximum unfinished sends of each pattern. */
const AT_MOST = 5;

/**
 * With `lastStreamId`, the server says that it has not processed the calls of later streams. It may
 * have begun them: the client repeats each of them once, as it may.
 */
const goAway = (name: string, how: { code?: number; reason?: string; lastStreamId?: number }): End => ({
  name: `GOAWAY, ${name}`,
  connections: 2,
  strike(broker) {
    broker.faults.goAway(how);
    return how.lastStreamId === undefined ? {} : { commands: AT_MOST, queries: AT_MOST };
  },
});

const ends: readonly End[] = [
  ...resets.map((name, code) => ({
    ...eachRpc(name, (broker, rpc) => broker.faults.resetStreams({ rpc, code })),
    connections: name === "RST_STREAM, ENHANCE_YOUR_CALM" ? (2 as const) : (1 as const),
  })),
  eachRpc("RST_STREAM, a code that nobody knows", (broker, rpc) => broker.faults.resetStreams({ rpc, code: 0xbad })),
  cleanEnd(),
  // Without an error, streams up to the last one named may finish: all of these would, and never
  // end.
  goAway("no error, of all streams but the first", { lastStreamId: 1 }),
  goAway("PROTOCOL_ERROR", { code: 1 }),
  goAway("INTERNAL_ERROR, of all streams but the first", { code: 2, lastStreamId: 1 }),
  goAway("ENHANCE_YOUR_CALM", { code: 11, reason: "too_many_pings" }),
  goAway("ENHANCE_YOUR_CALM, of all streams but the first", { code: 11, reason: "too_many_pings", lastStreamId: 1 }),
  goAway("INADEQUATE_SECURITY", { code: 12 }),
];

const options: ClientOptions = { reconnect: { initialDelayMs: 10, maxDelayMs: 100 }, timeoutMs: 3_000 };

/** Longer than a loop needs to continue on a busy machine. */
const BUSY_MS = 20_000;

/** Long enough that at most strikes something is under way in each direction. */
const LINE_MS = 10;

/**
 * Every kind of stream is open on one connection, with messages on each, when all of them end in
 * one way. A loop has continued when it receives a message sent after that. Finally the messages
 * confirmed before and after are compared with the received ones.
 */
test.concurrent.each(ends.map((end) => [end.name, end] as const))(
  "%s: every loop continues and loses nothing",
  async (_, end) => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    proxy.delay(LINE_MS);
    // Liveness is off: it would hide a stream that does not recover by itself.
    await using client = await KubeMQClient.connect({ ...options, address: proxy.address, keepalive: false });
    const requestMs = 500;
    // Messages per second of each pattern: few, because everything runs in one process.
    const rate = 25;
    const loads = [
      new Load(events(client, client, "ends.events"), rate, AT_MOST),
      new Load(store(client, client, "ends.store"), rate, AT_MOST),
      new Load(commands(client, client, "ends.commands", requestMs), rate, AT_MOST),
      new Load(queries(client, client, "ends.queries", requestMs), rate, AT_MOST),
      new Load(queue(client, client, "ends.queue"), rate, AT_MOST),
      // Each takes three round trips.
      new Load(leases(client, client, "ends.leases"), 5, AT_MOST),
    ];
    const goOn = (when: string, from: readonly number[]) => {
      const missing = () => loads.filter(({ books }, at) => books.latest < (from[at] ?? 0)).map(({ name }) => name);
      return until(`all of them go on ${when}`, () => missing().length === 0, BUSY_MS).catch((error: unknown) => {
        throw new Error(`${missing().join(", ")} did not`, { cause: error });
      });
    };
    for (const load of loads) load.start();
    let failure: Error | undefined;
    let again: Again = {};
    try {
      const few = loads.map(() => 3);
      await goOn("before", few);
      // A lease is one call per message, so at times there is none.
      await until("all are open", () => {
        const open = broker.stats().streams;
        return rpcs.every((rpc) => (open[rpc] ?? 0) >= streams[rpc]);
      });
      again = end.strike(broker);
      const later = loads.map(({ offered }) => offered + 3);
      await goOn("after", later);
      expect(proxy.accepted).toBe(end.connections);
      await Promise.all(loads.map((load) => load.stopSending()));
      await until("everything arrives", () => loads.every((load) => load.isSettled), BUSY_MS);
    } catch (error) {
      failure = error as Error;
    }
    const accounts = await Promise.all(loads.map((load) => load.stop()));
    if (failure !== undefined) throw new Error(`${failure.message}: ${JSON.stringify(accounts)}`, { cause: failure });
    const amiss = accounts.filter(({ pattern, lost, doubled, wrong }) => {
      return lost > 0 || doubled > (again[pattern] ?? 0) || wrong.length > 0;
    });
    expect(amiss).toEqual([]);
  },
  120_000,
);
