import { describe, expect, test } from "@jest/globals";
import { overConnect } from "../support/connect-streams.js";
import { createRouterTransport } from "@connectrpc/connect";
import { json, KubeMQClient, KubeMQError, type QueryResult, type StandardSchemaV1 } from "kubemq-es";
import { kubemq, type Request } from "kubemq-es/gen";
import { outcomeOf, PATIENCE_MS, RequestWorld } from "../support/request-world.js";
import { rejection, until } from "../support/until.js";

const patient = { timeoutMs: PATIENCE_MS };

/**
 * A client of a server that gives every request the same answer, and the requests that it received.
 */
function answering(response: object) {
  const asked: Request[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(kubemq, {
      sendRequest(request) {
        asked.push(request);
        return response;
      },
    }),
  );
  return { client: new KubeMQClient({ clientId: "requester" }, { transport: overConnect(transport) }), asked };
}

describe("the content of requests and responses", () => {
  test("a query and its response carry body, metadata, tags, span and client id", async () => {
    await using world = await RequestWorld.start();
    const queries = world.responder.queries.subscribe({
      channel: "price.*",
      group: "g",
      codec: json<{ sku: string }>(),
    });
    await world.ready(queries);
    const answer = world.requester.queries.send(
      {
        id: "q-1",
        channel: "price.eu",
        body: { sku: "ä" },
        codec: json<{ sku: string }>(),
        metadata: "now",
        tags: { from: "test" },
        span: Uint8Array.of(1, 2),
        responseCodec: json<number>(),
      },
      patient,
    );
    for await (const query of queries) {
      expect(query).toMatchObject({
        id: "q-1",
        channel: "price.eu",
        metadata: "now",
        tags: { from: "test" },
        value: { sku: "ä" },
        clientId: "requester",
        timeoutMs: PATIENCE_MS,
      });
      expect(Array.from(query.span ?? [])).toEqual([1, 2]);
      expect(query.cacheKey).toBeUndefined();
      expect(JSON.parse(JSON.stringify(query))).toMatchObject({
        id: "q-1",
        clientId: "requester",
        timeoutMs: PATIENCE_MS,
      });
      await query.respond({
        body: 9.5,
        codec: json<number>(),
        metadata: "EUR",
        tags: { by: "me" },
        span: Uint8Array.of(3),
      });
      break;
    }
    const result = await answer;
    expect(result).toMatchObject({
      ok: true,
      id: "q-1",
      channel: "price.eu",
      value: 9.5,
      metadata: "EUR",
      tags: { by: "me" },
      clientId: "responder",
      cacheHit: false,
    });
    expect(Array.from(result.span ?? [])).toEqual([3]);
    expect(Math.abs(result.timestamp.getTime() - Date.now())).toBeLessThan(60_000);
    expect(JSON.parse(JSON.stringify(result))).toMatchObject({
      ok: true,
      cacheHit: false,
      clientId: "responder",
    });
  });

  test("the response to a command has no body and no metadata", async () => {
    await using world = await RequestWorld.start();
    const handling = world.responder.commands.handle({ channel: "door" }, () => ({
      metadata: "lost",
      tags: { kept: "yes" },
    }));
    await world.responder.ping();
    const result = await world.requester.commands.send({ channel: "door", metadata: "open", body: "" }, patient);
    expect(result).toMatchObject({ ok: true, tags: { kept: "yes" } });
    expect(Object.keys(result)).not.toContain("metadata");
    await Promise.all([world.responder.close(), handling]);
  });

  test.each([
    ["nanoseconds", 1_700_000_000_123_456_789n],
    ["microseconds", 1_700_000_000_123_456n],
    ["milliseconds", 1_700_000_000_123n],
  ])("a timestamp in %s is converted", async (_, Timestamp) => {
    const { client } = answering({ Executed: true, Timestamp });
    const { timestamp } = await client.commands.send({ channel: "door", body: "open" });
    expect(timestamp.toISOString()).toBe("2023-11-14T22:13:20.123Z");
  });

  test("a response without time, reason and success is not executed and has the current time", async () => {
    const { client } = answering({});
    const before = Date.now();
    const result = await client.commands.send({ channel: "door", body: "open" });
    expect(result).toMatchObject({ ok: false, error: "not executed: the responder gave no reason" });
    expect(result.timestamp.getTime()).toBeGreaterThanOrEqual(before);
  });

  test("responses of this library have timestamps in nanoseconds", async () => {
    const responses: bigint[] = [];
    const transport = createRouterTransport(({ service }) =>
      service(kubemq, {
        async *subscribeToRequests() {
          yield { RequestID: "1", Channel: "door", ReplyChannel: "inbox", Timeout: 60_000 };
          await new Promise(() => {});
        },
        sendResponse(response) {
          responses.push(response.Timestamp);
          return {};
        },
        ping: () => ({}),
      }),
    );
    const client = new KubeMQClient({}, { transport: overConnect(transport) });
    for await (const command of client.commands.subscribe({ channel: "door" })) {
      await command.respond();
      break;
    }
    expect(Math.abs(Number((responses[0] ?? 0n) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    await client.close();
  });

  test("the server waits for the request's own time-out, whatever the client's default", async () => {
    const asked: Request[] = [];
    const deadlines: number[] = [];
    const transport = createRouterTransport(({ service }) =>
      service(kubemq, {
        async sendRequest(request, context) {
          asked.push(request);
          deadlines.push(context.timeoutMs() ?? 0);
          return { Executed: true };
        },
      }),
    );
    const client = new KubeMQClient({ timeoutMs: 20 }, { transport: overConnect(transport) });
    expect(await outcomeOf(client.commands.send({ channel: "door", body: "x" }, { timeoutMs: 40_000 }))).toBe(
      "executed",
    );
    expect(await outcomeOf(client.commands.send({ channel: "door", body: "x" }, { timeoutMs: 2 ** 31 - 1 }))).toBe(
      "executed",
    );
    expect(await outcomeOf(client.commands.send({ channel: "door", body: "x" }))).toBe("executed");
    expect(asked.map(({ Timeout }) => Timeout)).toEqual([40_000, 2 ** 31 - 1, 20]);
    // Later than the server's time-out, whose answer would otherwise be lost.
    expect(deadlines.map((ms, n) => ms > (asked[n]?.Timeout ?? 0) || ms > 2 ** 31 - 10_000)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe("one response per request", () => {
  test("a second response is refused, also while the first is in flight, and a failed one may be repeated", async () => {
    await using world = await RequestWorld.start();
    const queries = world.responder.queries.subscribe({ channel: "q" });
    await world.ready(queries);
    const asked = outcomeOf(world.requester.queries.send({ channel: "q", body: "?" }, patient));
    for await (const query of queries) {
      expect(await rejection(query.respond({ body: 1n, codec: json<bigint>() }))).toMatchObject({
        code: "ENCODE_FAILED",
      });
      expect(await rejection(query.respond({ body: 5 as never }))).toMatchObject({ code: "INVALID_ARGUMENT" });
      // Rejections, and no errors that are thrown: JavaScript callers await the promise.
      for (const nothing of [null, undefined, 5] as never[]) {
        expect(await rejection(query.respond(nothing))).toMatchObject({ code: "INVALID_ARGUMENT" });
        if (nothing === undefined) continue;
        expect(await rejection(query.fail("no", nothing))).toMatchObject({ code: "INVALID_ARGUMENT" });
        expect(await rejection(query.respond({ body: "x" }, nothing))).toMatchObject({ code: "INVALID_ARGUMENT" });
      }
      expect(await rejection(query.respond({ body: "x", tags: { a: 1 as never } }))).toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      expect(await rejection(query.respond({ body: "x", span: "s" as never }))).toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      expect(await rejection(query.respond({ body: "x" }, { signal: AbortSignal.abort("no") }))).toBe("no");
      const first = query.respond({ body: "" });
      expect(await outcomeOf(query.fail("too late"))).toBe("ALREADY_RESPONDED");
      await first;
      expect(await outcomeOf(query.respond({ body: "again" }))).toBe("ALREADY_RESPONDED");
      expect(await outcomeOf(query.fail(new Error("again")))).toBe("ALREADY_RESPONDED");
      expect(query.signal.aborted).toBe(false);
      break;
    }
    expect(await asked).toBe("executed");
  });

  test("a request whose requester has given up is not delivered", async () => {
    await using world = await RequestWorld.start();
    const commands = world.responder.commands.subscribe({ channel: "door" });
    await world.ready(commands);
    const short = outcomeOf(world.requester.commands.send({ channel: "door", body: "short" }, { timeoutMs: 1_000 }));
    const long = outcomeOf(world.requester.commands.send({ channel: "door", body: "long" }, patient));
    await until("both are pending", () => world.broker.stats().pendingRequests === 2);
    await world.responder.ping();
    await world.pass(1_000);
    expect(await short).toBe("TIMEOUT");
    const taken: string[] = [];
    for await (const command of commands) {
      taken.push(command.text());
      await command.respond();
      break;
    }
    expect(taken).toEqual(["long"]);
    expect(await long).toBe("executed");
  });

  test("without a group every responder receives the request, and the first response wins", async () => {
    await using world = await RequestWorld.start();
    const one = world.responder.queries.subscribe({ channel: "q" });
    const two = world.requester.queries.subscribe({ channel: "q" });
    await Promise.all([world.ready(one), world.ready(two)]);
    const asked = world.requester.queries.send({ channel: "q", body: "?" }, patient);
    for await (const query of one) {
      await query.respond({ body: "one" });
      break;
    }
    for await (const query of two) {
      await query.respond({ body: "two" }); // the server drops it silently
      break;
    }
    const result = await asked;
    expect(result.ok && result.text()).toBe("one");
  });
});

describe("the query cache", () => {
  test("a cached response expires, and is separate for two channels with the same key", async () => {
    await using world = await RequestWorld.start();
    let calls = 0;
    const handling = world.responder.queries.handle({ channel: "price.*" }, (query) => {
      expect(query.cacheKey).toBe("apple");
      calls += 1;
      return `${query.channel} ${calls}`;
    });
    await world.responder.ping();
    const cache = { key: "apple", ttlSeconds: 2 };
    const send = async (channel: string): Promise<[string, boolean]> => {
      const result = await world.requester.queries.send({ channel, body: "?", cache }, patient);
      return result.ok ? [result.text(), result.cacheHit] : [result.error, false];
    };
    expect(await send("price.eu")).toEqual(["price.eu 1", false]);
    expect(await send("price.eu")).toEqual(["price.eu 1", true]);
    expect(await send("price.us")).toEqual(["price.us 2", false]);
    expect(await send("price.us")).toEqual(["price.us 2", true]);
    await world.pass(1_999);
    expect(await send("price.eu")).toEqual(["price.eu 1", true]);
    await world.pass(1);
    expect(await send("price.eu")).toEqual(["price.eu 3", false]);
    await Promise.all([world.responder.close(), handling]);
  });
});

describe("invalid input of requests", () => {
  const schema: StandardSchemaV1<unknown, string> = {
    "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "never good" }] }) },
  };
  const body = "x";
  const bad: [string, (client: KubeMQClient) => Promise<unknown>, string][] = [
    ["no channel", (c) => c.commands.send({ channel: "", body }), "channel must be"],
    ["a wildcard to send to", (c) => c.commands.send({ channel: "a.*", body }), "wildcards"],
    ["a control character", (c) => c.queries.send({ channel: "a\nb", body }), "control characters"],
    ["no content", (c) => c.commands.send({ channel: "a", body: "" }), "must have a body or metadata"],
    ["a body without a codec", (c) => c.commands.send({ channel: "a", body: 5 as never }), "come with a codec"],
    ["a time-out of 0", (c) => c.commands.send({ channel: "a", body }, { timeoutMs: 0 }), "timeoutMs must be"],
    ["half a millisecond", (c) => c.queries.send({ channel: "a", body }, { timeoutMs: 0.5 }), "timeoutMs must be"],
    ["a time-out beyond 32 bits", (c) => c.queries.send({ channel: "a", body }, { timeoutMs: 2 ** 31 }), "2147483647"],
    [
      "a cache without a TTL",
      (c) => c.queries.send({ channel: "a", body, cache: { key: "k" } as never }),
      "cache.ttlSeconds",
    ],
    [
      "a TTL of 0",
      (c) => c.queries.send({ channel: "a", body, cache: { key: "k", ttlSeconds: 0 } }),
      "cache.ttlSeconds",
    ],
    [
      "a cache without a key",
      (c) => c.queries.send({ channel: "a", body, cache: { key: "", ttlSeconds: 1 } }),
      "cache.key",
    ],
    ["a span that is a text", (c) => c.queries.send({ channel: "a", body, span: "s" as never }), "span must be"],
    ["a message too large", (c) => c.queries.send({ channel: "a", body: "x".repeat(2000) }), "maxMessageBytes"],
    ["a subscription to nothing", async (c) => c.queries.subscribe({ channel: "" }), "channel must be"],
    ["a group with white space", async (c) => c.commands.subscribe({ channel: "a", group: "a b" }), "group must be"],
    [
      "an unknown word for unanswered",
      async (c) => c.commands.subscribe({ channel: "a" }, { unanswered: "drop" as never }),
      "unanswered must be",
    ],
    ["no concurrency", (c) => c.commands.handle({ channel: "a" }, () => {}, { concurrency: 0 }), "concurrency must be"],
    [
      "a handler that is missing",
      async (c) => c.queries.handle({ channel: "a" }, undefined as never),
      "handler must be",
    ],
    [
      "a handler for commands that is missing",
      async (c) => c.commands.handle({ channel: "a" }, {} as never),
      "got Object",
    ],
    [
      "a misspelt time-out",
      (c) => c.commands.send({ channel: "a", body }, { timeout: 200 } as never),
      'unknown option "timeout": did you mean "timeoutMs"?',
    ],
    ["no time to drain", (c) => c.commands.handle({ channel: "a" }, () => {}, { drainTimeoutMs: 0 }), "drainTimeoutMs"],
  ];

  test.each(bad)("%s", async (_, act, text) => {
    const transport = createRouterTransport(() => {}); // a server without any method would answer UNSUPPORTED
    await using client = new KubeMQClient({ maxMessageBytes: 1500 }, { transport: overConnect(transport) });
    const error = await rejection(Promise.resolve().then(() => act(client)));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(text) });
  });

  test("an undecodable response throws where it is read", async () => {
    const { client } = answering({ Executed: true, Body: new TextEncoder().encode("{}") });
    const result: QueryResult<string> = await client.queries.send({ channel: "q", body, responseCodec: json(schema) });
    expect(result.ok).toBe(true);
    expect(() => result.ok && result.value).toThrow(KubeMQError);
    expect(await rejection((async () => result.ok && result.value)())).toMatchObject({
      code: "DECODE_FAILED",
      message: expect.stringContaining("never good"),
    });
    expect(result.ok && result.text()).toBe("{}");
  });
});
