import { describe, expect, test } from "@jest/globals";
import { overConnect } from "../support/connect-streams.js";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { KubeMQClient, type ChannelKind } from "kubemq-es";
import { kubemq, type Request } from "kubemq-es/gen";
import { FakeClock } from "../support/fake-clock.js";
import { rejection, until } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const kinds: readonly ChannelKind[] = ["events", "eventsStore", "commands", "queries", "queues"];

/** A client whose server answers requests about channels with `answer`. */
function managed(answer: (request: Request) => object) {
  const asked: Request[] = [];
  const clock = new FakeClock();
  const transport = createRouterTransport(({ service }) =>
    service(kubemq, {
      sendRequest(request) {
        asked.push(request);
        return answer(request);
      },
    }),
  );
  return {
    client: new KubeMQClient({ clientId: "admin", keepalive: false }, { transport: overConnect(transport), clock }),
    asked,
    clock,
  };
}

const listing = (json: string) => ({ Executed: true, Body: new TextEncoder().encode(json) });

describe("channel management", () => {
  test.each(kinds)("channels of type %s are created, listed, searched and deleted", (kind) =>
    withBroker(async ({ client }) => {
      await client.channels.create(kind, "orders.eu");
      await client.channels.create(kind, "orders.us");
      await client.channels.create(kind, "orders.us");
      const all = await client.channels.list(kind);
      expect(all.map(({ name }) => name)).toEqual(["orders.eu", "orders.us"]);
      expect(all[0]).toMatchObject({ kind, incoming: { messages: 0 }, outgoing: { messages: 0, responses: 0 } });
      expect((await client.channels.list(kind, "us")).map(({ name }) => name)).toEqual(["orders.us"]);
      await client.channels.delete(kind, "orders.eu");
      expect((await client.channels.list(kind)).map(({ name }) => name)).toEqual(["orders.us"]);
    }),
  );

  test("channels have statistics", () =>
    withBroker(async ({ client }) => {
      const handling = client.queries.handle({ channel: "price" }, () => "9.50");
      await client.ping();
      await client.queries.send({ channel: "price", body: "apple" });
      const [price] = await client.channels.list("queries");
      expect(price).toMatchObject({
        name: "price",
        active: true,
        incoming: { messages: 1, volume: 5, responses: 1 },
        outgoing: { messages: 1, volume: 5 },
      });
      expect(Math.abs((price?.lastActivity.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
      await Promise.all([client.close(), handling]);
    }));

  test("a server without channel management is reported as such", async () => {
    const { client } = managed(() => {
      throw new ConnectError("Error 301: timeout for request message", Code.Internal);
    });
    const error = await rejection(client.channels.list("queues", undefined, { timeoutMs: 700 }));
    expect(error).toMatchObject({
      code: "UNSUPPORTED",
      serverCode: 301,
      operation: "channels.list",
      message: expect.stringContaining("did not answer within 700 ms: open-source servers have no channel management"),
    });
  });

  test("a refusal is an error, whichever field reports it", async () => {
    const refused = managed(() => ({ Executed: true, Error: "not allowed here" }));
    expect(await rejection(refused.client.channels.create("events", "a"))).toMatchObject({
      code: "REJECTED_BY_SERVER",
      operation: "channels.create",
      channel: "a",
      message: expect.stringContaining("not allowed here"),
    });
    const silent = managed(() => ({ Executed: false }));
    expect(await rejection(silent.client.channels.delete("events", "a"))).toMatchObject({ code: "REJECTED_BY_SERVER" });
    expect(refused.asked[0]).toMatchObject({
      Channel: "kubemq.cluster.internal.requests",
      Metadata: "create-channel",
      Tags: { channel_type: "events", channel: "a", client_id: "admin" },
      Timeout: 10_000,
    });
  });

  test("a request to a cluster that is not ready is sent four times", async () => {
    let ready = 3;
    const { client, asked, clock } = managed(() =>
      ready-- > 0 ? { Executed: false, Error: "cluster snapshot not ready yet" } : listing("[]"),
    );
    const listed = client.channels.list("eventsStore");
    for (let times = 1; times <= 3; times++) {
      await until("it waits", () => clock.timers === 1);
      expect(asked.length).toBe(times);
      await clock.advance(1_000);
    }
    expect(await listed).toEqual([]);
    expect(asked.map(({ Tags }) => Tags["channel_type"])).toEqual(Array(4).fill("events_store"));

    ready = Infinity;
    const never = rejection(client.channels.list("eventsStore"));
    for (let times = 1; times <= 3; times++) {
      await until("it waits", () => clock.timers === 1);
      await clock.advance(1_000);
    }
    expect(await never).toMatchObject({ code: "UNAVAILABLE", retryable: true });

    const stop = new AbortController();
    const stopped = rejection(client.channels.list("eventsStore", "", { signal: stop.signal }));
    await until("it waits", () => clock.timers === 1);
    stop.abort("enough");
    expect(await stopped).toBe("enough");
    expect(clock.timers).toBe(0);
  });

  test.each([
    ["not JSON", "channels: none", "is not JSON"],
    ["no array", "{}", "is not an array"],
    ["no name", "[{}]", "without a name"],
  ])("a list that is %s is reported as PROTOCOL", async (_, json, text) => {
    const { client } = managed(() => listing(json));
    expect(await rejection(client.channels.list("queues"))).toMatchObject({
      code: "PROTOCOL",
      message: expect.stringContaining(text),
    });
  });

  test("missing statistics are 0, and a last activity in seconds is converted", async () => {
    const { client } = managed(() => listing('[{"name":"a","lastActivity":1700000000},{"name":"b"}]'));
    const [a, b] = await client.channels.list("commands");
    expect(a?.lastActivity.toISOString()).toBe("2023-11-14T22:13:20.000Z");
    expect(a).toMatchObject({ active: false, incoming: { messages: 0, waiting: 0, expired: 0, delayed: 0 } });
    expect(b?.lastActivity.getTime()).toBe(0);
    const empty = managed(() => ({ Executed: true }));
    expect(await empty.client.channels.list("commands")).toEqual([]);
  });

  test.each([
    ["an unknown kind", (c: KubeMQClient) => c.channels.list("topics" as never), "kind must be one of"],
    ["a name that is an inherited property", (c: KubeMQClient) => c.channels.list("toString" as never), "kind must be"],
    ["no name", (c: KubeMQClient) => c.channels.create("events", ""), "name must be"],
    ["a wildcard", (c: KubeMQClient) => c.channels.delete("events", "a.>"), "wildcards"],
    ["a slash in a stored name", (c: KubeMQClient) => c.channels.create("queues", "a/b"), "must not contain"],
    ["a search that is no text", (c: KubeMQClient) => c.channels.list("events", 5 as never), "search must be"],
  ])("channel management refuses %s", async (_, act, text) => {
    const { client, asked } = managed(() => listing("[]"));
    expect(await rejection(act(client))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(text),
    });
    expect(asked).toEqual([]);
  });
});
