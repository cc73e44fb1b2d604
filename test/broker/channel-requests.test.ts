import { describe, expect, test } from "@jest/globals";
import { Request_RequestType, Subscribe_EventsStoreType, Subscribe_SubscribeType } from "kubemq-es/gen";
import { startBroker } from "kubemq-es/testing";
import { until } from "../support/until.js";
import type { RawClient } from "./raw-client.js";
import { rawClient } from "./raw-client.js";

const types = ["events", "events_store", "commands", "queries", "queues"];
const counters = ["messages", "volume", "waiting", "expired", "delayed", "responses"];

interface Item {
  readonly name: string;
  readonly type: string;
  readonly lastActivity: number;
  readonly isActive: boolean;
  readonly incoming: Record<string, number>;
  readonly outgoing: Record<string, number>;
}

async function manage(client: RawClient, operation: string, Tags: Record<string, string>) {
  const response = await client.rpc.sendRequest({
    RequestTypeData: Request_RequestType.Query,
    ClientID: "c",
    Channel: "kubemq.cluster.internal.requests",
    Metadata: operation,
    Timeout: 10_000,
    Tags,
  });
  return { ...response, text: new TextDecoder().decode(response.Body) };
}

async function list(client: RawClient, type: string, search?: string): Promise<Item[]> {
  const tags = { channel_type: type, ...(search !== undefined && { channel_search: search }) };
  const { Executed, Error, text } = await manage(client, "list-channels", tags);
  expect({ Executed, Error }).toEqual({ Executed: true, Error: "" });
  return JSON.parse(text) as Item[];
}

describe("channel management", () => {
  test.each(types)("creates, lists and deletes channels of type %s, and accepts a repeated request", async (type) => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    expect(await list(client, type)).toEqual([]);
    for (const name of ["b.one", "a.two", "a.two"]) {
      const { Executed, Error } = await manage(client, "create-channel", { channel_type: type, channel: name });
      expect({ Executed, Error }).toEqual({ Executed: true, Error: "" });
    }
    const channels = await list(client, type);
    expect(channels.map(({ name }) => name)).toEqual(["a.two", "b.one"]);
    for (const item of channels) {
      expect(item).toMatchObject({ type, isActive: false });
      expect(Number.isInteger(item.lastActivity)).toBe(true);
      expect(Object.keys(item.incoming).sort()).toEqual([...counters].sort());
      expect(Object.keys(item.outgoing).sort()).toEqual([...counters].sort());
    }
    expect((await list(client, type, "one")).map(({ name }) => name)).toEqual(["b.one"]);
    expect((await list(client, type, "^a")).map(({ name }) => name)).toEqual(["a.two"]);
    expect(await list(client, type, "[")).toEqual([]);
    expect(await list(client, type, "")).toHaveLength(2);
    for (let i = 0; i < 2; i++) await manage(client, "delete-channel", { channel_type: type, channel: "a.two" });
    expect((await list(client, type)).map(({ name }) => name)).toEqual(["b.one"]);
    for (const other of types.filter((name) => name !== type)) expect(await list(client, other)).toEqual([]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "create-channel",
      { channel_type: "topics", channel: "a" },
      /channel_type must be one of events, .*queues, but is "topics"/,
    ],
    ["create-channel", { channel_type: "queues" }, /"" is not a valid name/],
    ["create-channel", { channel_type: "queues", channel: "a.*" }, /not a valid name/],
    ["create-channel", { channel_type: "events_store", channel: "a/b" }, /not a valid name/],
    ["purge-channel", { channel_type: "queues", channel: "a" }, /"purge-channel" is not known/],
  ])("refuses %s of %j in the response", async (operation, tags, text) => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { Executed, Error } = await manage(client, operation, tags);
    expect(Executed).toBe(false);
    expect(Error).toMatch(text);
  });

  test("reports incoming and outgoing messages and active consumers in the statistics", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const gone = new AbortController();
    const stream = client.rpc.subscribeToEvents(
      {
        SubscribeTypeData: Subscribe_SubscribeType.EventsStore,
        ClientID: "s",
        Channel: "ch",
        EventsStoreTypeData: Subscribe_EventsStoreType.StartFromFirst,
      },
      { signal: gone.signal },
    );
    const messages = stream[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      await client.rpc.sendEvent({ ClientID: "c", Channel: "ch", Store: true, Body: new Uint8Array(10) });
      await client.rpc.sendEvent({ ClientID: "c", Channel: "plain", Body: new Uint8Array(5) });
      await messages.next();
    }
    const before = Date.now();
    expect(await list(client, "events_store")).toEqual([
      {
        name: "ch",
        type: "events_store",
        lastActivity: expect.any(Number),
        isActive: true,
        incoming: { messages: 3, volume: 30, waiting: 0, expired: 0, delayed: 0, responses: 0 },
        outgoing: { messages: 3, volume: 30, waiting: 0, expired: 0, delayed: 0, responses: 0 },
      },
    ]);
    const [plain] = await list(client, "events");
    expect(plain).toMatchObject({ isActive: false, incoming: { messages: 3, volume: 15 }, outgoing: { messages: 0 } });
    expect(Math.abs((plain?.lastActivity ?? 0) - before)).toBeLessThan(5000);
    const pending = messages.next().catch(() => {});
    gone.abort();
    await pending;
    await until("the subscriber has left", async () => (await list(client, "events_store"))[0]?.isActive === false);
  });
});
