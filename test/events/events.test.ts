import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  command,
  events,
  json,
  KubeMQClient,
  KubeMQError,
  text,
  type EventMessage,
  type OutgoingMessage,
  type Status,
} from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { getEventListeners } from "node:events";
import { rejection, take, until } from "../support/until.js";
import { openWorld, type OpenWorld } from "../support/with-broker.js";

let world: OpenWorld;
let broker: Broker;
let client: KubeMQClient;

beforeAll(async () => {
  const reconnect = { initialDelayMs: 10, maxDelayMs: 50 };
  world = await openWorld({ client: { clientId: "tester", reconnect } });
  ({ broker, client } = world);
});

afterAll(() => world.end());

const live = () => Object.values(broker.stats().streams).reduce((sum, n) => sum + n, 0);
let channels = 0;
const newChannel = () => `test.${++channels}`;

describe("receiving events", () => {
  test("a loop receives every field of an event", async () => {
    const channel = newChannel();
    const sub = client.events.subscribe({ channel });
    await sub.ready;
    const before = Date.now();
    await client.events.publish({ id: "e1", channel, metadata: "m é", tags: { a: "1", ü: "" }, body: "héllo" });
    const [event] = await take(sub, 1);
    expect(event).toMatchObject({ id: "e1", channel, metadata: "m é", tags: { a: "1", ü: "" } });
    expect(event?.text()).toBe("héllo");
    expect(event?.value).toBe(event?.body);
    expect(event?.receivedAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(JSON.parse(JSON.stringify(event))).toMatchObject({
      id: "e1",
      body: Buffer.from("héllo").toString("base64"),
    });
  });

  test("a loop decodes with its codec, and an undecodable event throws only in the body that reads it", async () => {
    const channel = newChannel();
    const sub = client.events.subscribe({ channel, codec: json<{ n: number }>() });
    await sub.ready;
    await client.events.publish({ channel, body: "not json" });
    await client.events.publish({ channel, body: { n: 7 }, codec: json<{ n: number }>() });
    const [poison, good] = await take(sub, 2);
    expect(() => poison?.value).toThrow(expect.objectContaining({ code: "DECODE_FAILED", channel }));
    expect(good?.value.n).toBe(7);
  });

  test("a group shares events, and plain and wildcard subscribers receive each one", async () => {
    const base = newChannel();
    const stop = new AbortController();
    const seen: Record<string, string[]> = { plain: [], star: [], all: [], g1: [], g2: [] };
    const loops = Object.entries({
      plain: { channel: `${base}.x` },
      star: { channel: `${base}.*` },
      all: { channel: `${base}.>` },
      g1: { channel: `${base}.x`, group: "g" },
      g2: { channel: `${base}.x`, group: "g" },
    }).map(([name, filter]) => {
      const sub = client.events.subscribe(filter, { signal: stop.signal });
      const loop = (async () => {
        for await (const event of sub) seen[name]?.push(event.id);
      })();
      return { sub, loop };
    });
    await Promise.all(loops.map(({ sub }) => sub.ready));
    const ids = Array.from({ length: 40 }, (_, n) => `id-${n}`);
    await using publisher = client.events.publisher();
    expect(await publisher.publishAll(ids.map((id) => ({ id, channel: `${base}.x`, body: id })))).toBe(40);
    await until("everything arrived", () => Object.values(seen).flat().length === 160);
    stop.abort();
    await Promise.all(loops.map(({ loop }) => loop));
    for (const name of ["plain", "star", "all"]) expect(seen[name]).toEqual(ids);
    expect([...(seen["g1"] ?? []), ...(seen["g2"] ?? [])].sort()).toEqual([...ids].sort());
  });
});

describe("stopping a loop over events", () => {
  const open = async () => {
    const channel = newChannel();
    const stop = new AbortController();
    const sub = client.events.subscribe({ channel }, { signal: stop.signal });
    await sub.ready;
    return { channel, stop, sub };
  };
  const run = async (sub: AsyncIterable<EventMessage>, body: (event: EventMessage) => void = () => {}) => {
    for await (const event of sub) body(event);
    return "ended quietly";
  };

  test("an abort ends the loop without an error, cancels the call and removes the listener", async () => {
    const { stop, sub } = await open();
    const loop = run(sub);
    expect(getEventListeners(stop.signal, "abort").length).toBe(1);
    stop.abort();
    expect(await loop).toBe("ended quietly");
    expect(getEventListeners(stop.signal, "abort").length).toBe(0);
    await until("no call is left", () => live() === 0);
  });

  test.each([null, 0, "", "a string"])("ready rejects with the reason of the signal, also with %j", async (reason) => {
    for (const isAborted of [true, false]) {
      const stop = new AbortController();
      if (isAborted) stop.abort(reason);
      const { ready } = client.events.subscribe({ channel: "c" }, { signal: stop.signal });
      stop.abort(reason);
      expect(await rejection(ready)).toBe(reason);
    }
  });

  test("a signal that is already aborted means no iteration and no call", async () => {
    const sub = client.events.subscribe({ channel: newChannel() }, { signal: AbortSignal.abort() });
    expect(await run(sub)).toBe("ended quietly");
    expect(live()).toBe(0);
  });

  test("break and throw cancel the call, and the thrown error propagates unchanged", async () => {
    for (const leave of ["break", "throw"]) {
      const { channel, sub } = await open();
      const boom = new Error("boom");
      const loop = (async () => {
        for await (const event of sub) {
          expect(event.text()).toBe("x");
          if (leave === "throw") throw boom;
          break;
        }
      })();
      await client.events.publish({ channel, body: "x" });
      if (leave === "throw") await expect(loop).rejects.toBe(boom);
      else await loop;
      await until("no call is left", () => live() === 0, 100);
    }
  });

  test("close(), await using and client.close() end the loop", async () => {
    const one = await open();
    const loop = run(one.sub);
    await one.sub.close();
    expect(await loop).toBe("ended quietly");
    const early = client.events.subscribe({ channel: one.channel });
    await early.close();
    await expect(early.ready).rejects.toMatchObject({
      code: "CLIENT_CLOSED",
      message: `events.subscribe on ${one.channel}: the subscription was closed`,
    });
    {
      await using sub = client.events.subscribe({ channel: newChannel() });
      await sub.ready;
      expect(broker.stats().streams["SubscribeToEvents"]).toBe(1);
    }
    await until("no call is left", () => live() === 0);
    const other = await KubeMQClient.connect({ address: broker.address });
    const sub = other.events.subscribe({ channel: newChannel() });
    const quiet = run(sub);
    await sub.ready;
    await other.close();
    expect(await quiet).toBe("ended quietly");
    expect(await sub.closed).toBeUndefined();
    expect(() => other.events.subscribe({ channel: "a" })).toThrow(expect.objectContaining({ code: "CLIENT_CLOSED" }));
    await expect(other.events.publish({ channel: "a", body: "b" })).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
  });

  test("a unary call rejects with the signal's reason, and is not made when the signal is already aborted", async () => {
    const reason = new Error("mine");
    const message = { channel: newChannel(), body: "x" };
    await expect(client.events.publish(message, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    broker.faults.delayReplies(2_000);
    const stop = new AbortController();
    const publishing = client.events.publish(message, { signal: stop.signal });
    await until("the call is made", () => live() === 1);
    stop.abort(reason);
    await expect(publishing).rejects.toBe(reason);
    expect(getEventListeners(stop.signal, "abort").length).toBe(0);
    await expect(client.events.publish(message, { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
    broker.faults.delayReplies(0);
    await until("no call is left", () => live() === 0);
  });

  test("800 subscriptions on one signal share one listener, and leave no listener, warning or stream", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    const stop = new AbortController();
    const channel = newChannel();
    // node:http2 in the broker closes a connection for a burst of more than 1,000 resets.
    const subs = Array.from({ length: 800 }, () => client.events.subscribe({ channel }, { signal: stop.signal }));
    const loops = subs.map((sub) => run(sub));
    await Promise.all(subs.map((sub) => sub.ready));
    expect(getEventListeners(stop.signal, "abort").length).toBe(1);
    expect(broker.stats().streams["SubscribeToEvents"]).toBe(800);
    stop.abort();
    expect(await Promise.all(loops)).toEqual(Array(800).fill("ended quietly"));
    expect(getEventListeners(stop.signal, "abort").length).toBe(0);
    await until("no stream is left", () => live() === 0);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  }, 60_000);
});

describe("event loops on a lost connection", () => {
  const breaks: Record<string, () => void | Promise<unknown>> = {
    "dropped connections": () => broker.faults.dropConnections(),
    "a clean end of the stream": () => void broker.faults.endStreams({ rpc: "SubscribeToEvents" }),
    "an UNAVAILABLE end": () => void broker.faults.endStreams({ rpc: "SubscribeToEvents", code: 14, message: "gone" }),
    "a throttled connection": () => broker.faults.goAway({ code: 11, reason: "too_many_pings" }),
    "a restart": () => broker.faults.restart({ keepMemory: true }),
  };
  test.each(Object.keys(breaks))("the loop continues after %s, and the status reports it", async (name) => {
    const channel = newChannel();
    const stop = new AbortController();
    const statuses: Status[] = [];
    const watching = (async () => {
      for await (const status of client.status({ signal: stop.signal })) statuses.push(status);
    })();
    const sub = client.events.subscribe({ channel }, { signal: stop.signal });
    await sub.ready;
    const seen: string[] = [];
    const loop = (async () => {
      for await (const event of sub) seen.push(event.text());
    })();
    await client.events.publish({ channel, body: "before" });
    await until("the first arrived", () => seen.length === 1);
    await breaks[name]?.();
    await until("the stream is back", () => statuses.some((s) => s.type === "resumed"));
    expect(client.state).toBe("ready");
    await client.events.publish({ channel, body: "after" });
    await until("the second arrived", () => seen.length === 2);
    stop.abort();
    await Promise.all([loop, watching]);
    expect(seen).toEqual(["before", "after"]);
    expect(statuses.find((s) => s.type === "retry")).toMatchObject({ attempt: 1 });
    expect(statuses.find((s) => s.type === "resumed")).toMatchObject({ channel, kind: "events" });
    expect(statuses.filter((s) => s.type === "state").map((s) => s.state)).toContain("reconnecting");
  });

  test("reconnect: false ends the loop with UNAVAILABLE", async () => {
    const sub = client.events.subscribe({ channel: newChannel() }, { reconnect: false });
    await sub.ready;
    const loop = take(sub, 1);
    broker.faults.endStreams({ rpc: "SubscribeToEvents" });
    await expect(loop).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect((await sub.closed)?.code).toBe("UNAVAILABLE");
  });

  test.each(["a..b", ".a", "a..*"])(
    "a subscription to %s, which servers refuse, is refused before it is sent",
    (channel) => {
      const refusal = expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(/empty parts/),
      });
      expect(() => client.events.subscribe({ channel })).toThrow(refusal);
      expect(() => client.commands.subscribe({ channel })).toThrow(refusal);
      expect(() => client.queries.handle({ channel }, () => "")).toThrow(refusal);
      expect(() => events(channel, text)).toThrow(refusal);
      expect(() => command(channel, { request: text })).toThrow(refusal);
    },
  );

  test("an event for a name with an empty part reaches the subscribers of wildcards", async () => {
    const sub = client.events.subscribe({ channel: "empty.*.part" });
    await sub.ready;
    await client.events.publish({ channel: "empty..part", body: "x" });
    expect((await take(sub, 1)).map((event) => event.channel)).toEqual(["empty..part"]);
  });

  test("a permanent refusal is thrown and not retried", async () => {
    await using newest = await startBroker({ profile: "newest" });
    await using other = new KubeMQClient({ address: newest.address });
    const sub = other.events.subscribe({ channel: "kafka.orders" });
    await expect(take(sub, 1)).rejects.toMatchObject({
      code: "REJECTED_BY_SERVER",
      message: expect.stringMatching(/channel is reserved/),
    });
  });
});

describe("the events publisher", () => {
  test("a publisher keeps the order of 5,000 events", async () => {
    const channel = newChannel();
    const sub = client.events.subscribe({ channel });
    await sub.ready;
    const received = take(sub, 5_000);
    await using publisher = client.events.publisher();
    async function* numbers() {
      for (let n = 0; n < 5_000; n++) yield { channel, body: String(n) };
    }
    expect(await publisher.publishAll(numbers())).toBe(5_000);
    expect((await received).map((event) => Number(event.text()))).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  test("a lost connection rejects unanswered events, and the next event opens a new stream", async () => {
    await using publisher = client.events.publisher();
    const channel = newChannel();
    await publisher.publish({ channel, body: "1" });
    broker.faults.pauseWriting();
    const unanswered = publisher.publish({ channel, body: "2" });
    unanswered.catch(() => {});
    await until("it is on its way", () => live() >= 1);
    await broker.faults.dropConnections();
    broker.faults.resumeWriting();
    await expect(unanswered).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true, channel });
    await publisher.publish({ channel, body: "3" });
  });

  test("close() sends accepted events and refuses later ones", async () => {
    const channel = newChannel();
    const sub = client.events.subscribe({ channel });
    await sub.ready;
    const publisher = client.events.publisher();
    const accepted = Array.from({ length: 3_000 }, (_, n) => publisher.publish({ channel, body: String(n) }));
    const closing = publisher.close();
    await expect(publisher.publish({ channel, body: "too late" })).rejects.toMatchObject({
      code: "CLIENT_CLOSED",
      message: `events.publish on ${channel}: the publisher is closed`,
    });
    await closing;
    await Promise.all(accepted);
    expect(await take(sub, 3_000)).toHaveLength(3_000);
    await expect(publisher.publish({ channel, body: "late" })).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
    await until("no call is left", () => live() === 0);
  });

  test("an abort rejects unanswered events with the signal's reason", async () => {
    const stop = new AbortController();
    const publisher = client.events.publisher({ signal: stop.signal });
    broker.faults.pauseWriting();
    const unanswered = publisher.publish({ channel: newChannel(), body: "x" });
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(unanswered).rejects.toBe(reason);
    broker.faults.resumeWriting();
    await expect(publisher.publish({ channel: "c", body: "x" })).rejects.toBe(reason);
    await until("no call is left", () => live() === 0);
  });

  test("an event without an answer in time rejects with TIMEOUT", async () => {
    const hasty = await KubeMQClient.connect({ address: broker.address, timeoutMs: 1_000 });
    const publisher = hasty.events.publisher();
    broker.faults.pauseWriting();
    await expect(publisher.publish({ channel: newChannel(), body: "x" })).rejects.toMatchObject({ code: "TIMEOUT" });
    broker.faults.resumeWriting();
    await publisher.publish({ channel: newChannel(), body: "y" });
    await hasty.close();
  });
});

describe("invalid input of events", () => {
  const big = new Uint8Array(101 * 1024 * 1024);
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  const cases: readonly [string, unknown, string, RegExp][] = [
    ["an empty channel", { channel: "", body: "x" }, "INVALID_ARGUMENT", /channel must be a non-empty string, got ""/],
    ["no channel", { body: "x" }, "INVALID_ARGUMENT", /channel must be a non-empty string, got undefined/],
    ["a trailing dot", { channel: "a.", body: "x" }, "INVALID_ARGUMENT", /channel must not end with a dot, got "a\."/],
    ["a space", { channel: "a b", body: "x" }, "INVALID_ARGUMENT", /channel must not contain white space or control/],
    ["a tab", { channel: "a\tb", body: "x" }, "INVALID_ARGUMENT", /control characters, got "a\\tb"/],
    ["a newline", { channel: "a\nb", body: "x" }, "INVALID_ARGUMENT", /control characters/],
    ["a NUL", { channel: "a\0b", body: "x" }, "INVALID_ARGUMENT", /control characters/],
    ["a wildcard", { channel: "a.*", body: "x" }, "INVALID_ARGUMENT", /must not contain the wildcards/],
    ["a wildcard", { channel: "a.>", body: "x" }, "INVALID_ARGUMENT", /must not contain the wildcards/],
    ["neither body nor metadata", { channel: "a", body: "" }, "INVALID_ARGUMENT", /must have a body or metadata/],
    ["a body of 101 MiB", { channel: "a", body: big }, "INVALID_ARGUMENT", /larger than maxMessageBytes, 104857600/],
    [
      "a body that is no bytes",
      { channel: "a", body: 7 },
      "INVALID_ARGUMENT",
      /body must be a Uint8Array or a string.*got number/,
    ],
    ["an empty id", { id: "", channel: "a", body: "x" }, "INVALID_ARGUMENT", /id must be a non-empty string/],
    [
      "a tag that is no string",
      { channel: "a", body: "x", tags: { n: 1 } },
      "INVALID_ARGUMENT",
      /tag "n" must be a string, got number/,
    ],
    [
      "metadata that is no string",
      { channel: "a", body: "x", metadata: 1 },
      "INVALID_ARGUMENT",
      /metadata must be a string, got number/,
    ],
    [
      "an object without JSON",
      { channel: "a", body: cyclic, codec: json() },
      "ENCODE_FAILED",
      /codec cannot encode the body/,
    ],
    [
      "a codec that throws a value without a string",
      {
        channel: "a",
        body: 1,
        codec: {
          encode: () => {
            throw Object.create(null);
          },
        },
      },
      "ENCODE_FAILED",
      /thrown value that cannot be converted/,
    ],
    [
      "a codec without bytes",
      { channel: "a", body: 1, codec: { encode: async () => big } },
      "ENCODE_FAILED",
      /returned Promise/,
    ],
  ];
  test.each(cases)("publish refuses %s before a byte is sent: %#", async (_, message, code, text) => {
    const fresh = new KubeMQClient({ address: broker.address });
    const outgoing = message as OutgoingMessage;
    await expect(fresh.events.publish(outgoing)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
      retryable: false,
    });
    const publisher = fresh.events.publisher();
    await expect(publisher.publish(outgoing)).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
    await expect(publisher.publishAll([outgoing])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
    });
    expect(fresh.state === "idle" || fresh.state === "connecting").toBe(true);
    await fresh.close();
  });

  test.each([
    [{ channel: "" }, /channel must be a non-empty string/],
    [{ channel: "a." }, /must not end with a dot/],
    [{ channel: "a b" }, /white space/],
    [{ channel: "a", group: "" }, /group must be a non-empty string/],
    [{ channel: "a", group: "g h" }, /group must be a non-empty string without white space/],
  ])("subscribe refuses channel %j before a byte is sent", (filter, text) => {
    expect(() => client.events.subscribe(filter)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => client.events.subscribe(filter)).toThrow(text);
  });

  test.each([
    [{ address: "" }, /address must be "host:port"/],
    [{ address: "ftp://a:1" }, /address must be/],
    [{ address: "a:99999" }, /address must be/],
    [{ address: "a b:1" }, /address must be/],
    [{ address: "user@host:1" }, /address must be/],
    [{ address: "https://a:1", tls: false }, /tls is false, but the address says https/],
    [{ address: "http://a:1", tls: true }, /tls is set, but the address says http/],
    [{ tls: { cert: "-----BEGIN X" } }, /tls\.key is missing/],
    [{ tls: { key: "-----BEGIN X" } }, /tls\.cert is missing/],
    [{ tls: { ca: "no-such-file.pem" } }, /tls\.ca is neither PEM text nor a file/],
    [{ clientId: "a b" }, /clientId may have letters/],
    [{ authToken: "" }, /authToken must be a non-empty string/],
    [{ authToken: "a\nb" }, /authToken must be a non-empty string/],
    [{ address: "broker.example:50000", authToken: "t" }, /authToken would travel in plain text/],
    [{ timeoutMs: 0 }, /timeoutMs must be above 0/],
    [{ keepalive: { intervalMs: -1 } }, /keepalive\.intervalMs/],
    [{ reconnect: { jitter: 2 } }, /reconnect\.jitter/],
    [{ reconnect: { initialDelayMs: 100, maxDelayMs: 10 } }, /must not be above/],
    [{ maxMessageBytes: 0 }, /maxMessageBytes/],
    [{ flowControl: { streamBytes: 1 } }, /flowControl\.streamBytes/],
  ])("the client refuses options %j", (options, text) => {
    expect(() => new KubeMQClient(options)).toThrow(text);
    expect(() => new KubeMQClient(options)).toThrow(KubeMQError);
  });

  test("no refused call reached the broker", () => {
    expect(live()).toBe(0);
  });
});

test("ping returns the server's identity, and rejects with UNAVAILABLE without a server", async () => {
  const info = await client.ping();
  expect(info.host).not.toBe("");
  expect(info.startedAt.getTime()).toBeLessThanOrEqual(Date.now());
  expect(info.uptimeSeconds).toBeGreaterThanOrEqual(0);
  await expect(KubeMQClient.connect({ address: "127.0.0.1:1" })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    operation: "client.connect",
  });
});
