import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import type { CallOptions, KubeMQClient } from "kubemq-es";
import {
  type Event,
  QueuesUpstreamResponseSchema,
  type QueuesUpstreamRequest,
  ResultSchema,
  SendQueueMessageResultSchema,
} from "kubemq-es/gen";
import type { Connection } from "../../src/connection/connection.js";
import { queuesUpstreamMethod, upstreamRequest } from "../../src/queues/wire.js";
import { AnsweredStream } from "../../src/stream/send/answered-stream.js";
import { turn } from "../../src/support/time/turn.js";
import type { Reader } from "../../src/transport/index.js";
import { turns } from "../support/fake-clock.js";
import { playedBy } from "../support/queue-world.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { rejection, until, within } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const small = { channel: "c", body: "x" };

/** A stream that records its answers, and the function with which the test answers. */
function answered() {
  const answers: (readonly number[])[] = [];
  let reader: Reader<number> | undefined;
  const source = { read: (to: Reader<number>) => void (reader = to), resume() {}, cancel() {} };
  const stream = AnsweredStream.open(
    { open: () => source } as unknown as Connection,
    queuesUpstreamMethod,
    { operation: "test" },
    { answers: (batch) => void answers.push(batch as unknown as readonly number[]), ended() {} },
    16,
  );
  const send = (count: number) => {
    for (let sent = 0; sent < count; sent++) stream.send(upstreamRequest("", []));
  };
  /** Answers in one frame. */
  const answer = (...messages: number[]) => {
    turn.received(1);
    for (const message of messages) reader?.message(message, 1);
    turn.delivered();
  };
  return { answers, answer, send };
}

describe("the answers of a stream", () => {
  test("answers are delivered with the last expected one, before the end of the turn", () => {
    const { answers, answer, send } = answered();
    send(3);
    answer(1);
    answer(2, 3);
    expect(answers).toEqual([[1, 2, 3]]);
    send(1);
    answer(4);
    expect(answers).toEqual([[1, 2, 3], [4]]);
  });

  test("answers are delivered at the end of the turn while others are expected", async () => {
    const { answers, answer, send } = answered();
    send(3);
    answer(1);
    answer(2);
    expect(answers).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toEqual([[1, 2]]);
  });
});

/** The three methods that send one message. */
const kinds = [
  {
    name: "events.publish",
    rpc: "SendEventsStream",
    send: (client: KubeMQClient, body: string, options?: CallOptions): Promise<unknown> =>
      client.events.publish({ channel: "c", body }, options),
  },
  {
    name: "eventsStore.publish",
    rpc: "SendEventsStream",
    send: (client: KubeMQClient, body: string, options?: CallOptions): Promise<unknown> =>
      client.eventsStore.publish({ channel: "c", body }, options),
  },
  {
    name: "queues.send",
    rpc: "QueuesUpstream",
    send: (client: KubeMQClient, body: string, options?: CallOptions): Promise<unknown> =>
      client.queues.send({ channel: "c", body }, options),
  },
] as const;

/** Scripts the streams and the calls: bodies named `bad` are refused. */
function played() {
  const counts = { streams: 0, calls: 0 };
  const isBad = ({ Body }: { Body: Uint8Array }) => Buffer.from(Body).toString() === "bad";
  const refused = "Error 302: connection not available, please retry";
  const event = (sent: Event) =>
    create(ResultSchema, { EventID: sent.EventID, Sent: !isBad(sent), Error: isBad(sent) ? refused : "" });
  const message = (sent: { MessageID: string; Body: Uint8Array }) => ({
    MessageID: sent.MessageID,
    SentAt: 1_000_000n,
    IsError: isBad(sent),
    Error: isBad(sent) ? refused : "",
  });
  return {
    counts,
    calls: {
      sendEvent(sent: Event) {
        counts.calls += 1;
        return event(sent);
      },
      sendQueueMessage(sent: { MessageID: string; Body: Uint8Array }) {
        counts.calls += 1;
        return create(SendQueueMessageResultSchema, message(sent));
      },
    },
    streams: {
      async *sendEventsStream(events: AsyncIterable<Event>) {
        counts.streams += 1;
        for await (const sent of events) if (sent.Store || isBad(sent)) yield event(sent);
      },
      async *queuesUpstream(requests: AsyncIterable<QueuesUpstreamRequest>) {
        counts.streams += 1;
        for await (const { RequestID, Messages } of requests) {
          yield create(QueuesUpstreamResponseSchema, { RefRequestID: RequestID, Results: Messages.map(message) });
        }
      },
    },
  };
}

describe.each(kinds)("$name, many at once", ({ name, rpc, send }) => {
  const operation = name;

  test("concurrent sends share one stream, which closes when idle", () =>
    withBroker(async ({ broker, client }) => {
      const streams = () => broker.stats().streams[rpc] ?? 0;
      broker.faults.pauseWriting();
      const sends = Array.from({ length: 100 }, (_, n) => send(client, String(n)));
      await until("the stream is open", () => streams() === 1);
      broker.faults.resumeWriting();
      await Promise.all(sends);
      await Promise.all(Array.from({ length: 100 }, (_, n) => send(client, String(n))));
      expect(streams()).toBeLessThanOrEqual(1);
      await until("the stream is let go", () => streams() === 0, 2_000);
      await Promise.all([send(client, "x"), send(client, "y")]);
    }));

  test("a refused send rejects alone", async () => {
    const { calls, streams } = played();
    await using client = playedBy({ ...calls, ...streams });
    const outcomes = await Promise.allSettled(["a", "bad", "b", "bad", "c"].map((body) => send(client, body)));
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "UNAVAILABLE", serverCode: 302, operation, channel: "c" } });
  });

  test("each send has its own time-out and signal", () =>
    withBroker(async ({ broker, client }) => {
      await send(client, "first");
      broker.faults.pauseWriting();
      const stop = new AbortController();
      const patient = send(client, "patient");
      const hasty = rejection(send(client, "hasty", { timeoutMs: 50 }));
      const left = rejection(send(client, "left", { signal: stop.signal }));
      const waiting = new Promise((resolve) => setImmediate(resolve)).then(() =>
        rejection(send(client, "waits for its turn", { timeoutMs: 60 })),
      );
      expect(await within(1_000, "the time-out", hasty)).toMatchObject({ code: "TIMEOUT", operation, channel: "c" });
      expect(await within(1_000, "the second time-out", waiting)).toMatchObject({ code: "TIMEOUT" });
      stop.abort(new Error("enough"));
      expect(await within(100, "the abort", left)).toMatchObject({ message: "enough" });
      broker.faults.resumeWriting();
      await within(2_000, "the patient one", patient);
      const gone = AbortSignal.abort(new Error("before"));
      expect(await rejection(send(client, "x", { signal: gone }))).toMatchObject({ message: "before" });
      expect(await rejection(send(client, "x", { timeoutMs: 0 }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    }));

  test("a lost connection rejects all unanswered sends, and the next one opens a new stream", () =>
    withBroker(async ({ broker, client }) => {
      await Promise.all([send(client, "1"), send(client, "2")]);
      broker.faults.pauseWriting();
      const lost = [send(client, "3"), send(client, "4")].map((sent) => rejection(sent));
      await turns(10);
      await broker.faults.dropConnections();
      broker.faults.resumeWriting();
      for (const error of await within(5_000, "the rejections", Promise.all(lost))) {
        expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, operation, channel: "c" });
      }
      await Promise.all([send(client, "5"), send(client, "6")]);
    }));

  test("without the stream at the server each send is a call, and the stream is tried once", async () => {
    const { counts, calls, streams } = played();
    const refuse = async function* () {
      counts.streams += 1;
      yield* [];
      await Promise.resolve();
      throw new ConnectError("unknown method", Code.Unimplemented);
    };
    const none = Object.fromEntries(Object.keys(streams).map((method) => [method, refuse]));
    await using client = playedBy({ ...calls, ...none });
    await Promise.all(["a", "b", "c"].map((body) => send(client, body)));
    await Promise.all(["d", "e"].map((body) => send(client, body)));
    expect(await rejection(send(client, "bad"))).toMatchObject({ code: "UNAVAILABLE", serverCode: 302 });
    expect(counts).toEqual({ streams: 1, calls: 6 });
  });

  test("an expired token is fetched again for a send, as for a call", async () => {
    const { counts, calls, streams } = played();
    const isOld = (headers: Headers) => headers.get("authorization") !== "new";
    const guarded = Object.fromEntries(
      Object.entries({ ...calls, ...streams }).map(([method, handler]) => [
        method,
        (request: never, context: { requestHeader: Headers }) => {
          if (isOld(context.requestHeader)) throw new ConnectError("token expired", Code.Unauthenticated);
          return (handler as (request: never) => unknown)(request);
        },
      ]),
    );
    const tokens = ["old", "new"];
    const authToken = () => tokens.shift() ?? "none";
    await using client = playedBy(guarded, { authToken });
    await Promise.all(["a", "b", "c"].map((body) => send(client, body)));
    expect(tokens).toEqual([]);
    expect(counts.calls + counts.streams).toBeGreaterThan(0);
  });

  test("closing the client waits for unanswered sends and refuses later ones", async () => {
    const { calls, streams } = played();
    const client = playedBy({ ...calls, ...streams });
    const sends = ["a", "b", "c"].map((body) => send(client, body));
    await client.close();
    await Promise.all(sends);
    expect(await rejection(send(client, "d"))).toMatchObject({ code: "CLIENT_CLOSED", operation, channel: "c" });
  });
});

test("a large message is sent as its own call, and small messages overtake it", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const { counts, calls, streams } = played();
  await using client = playedBy({
    ...streams,
    async sendQueueMessage(sent) {
      await held;
      return calls.sendQueueMessage(sent);
    },
  });
  const large = client.queues.send({ channel: "c", body: Buffer.alloc(1_000_000) });
  await client.queues.send({ channel: "c", body: "small" });
  expect(counts).toEqual({ streams: 1, calls: 0 });
  release();
  await large;
  expect(counts).toEqual({ streams: 1, calls: 1 });
});

test("an unused stream is left by a half-close, since a cancelled one is an error in a server's log", async () => {
  const ends: string[] = [];
  const { calls, streams } = played();
  await using client = playedBy({
    ...calls,
    async *sendEventsStream(events, { signal }) {
      yield* streams.sendEventsStream(events);
      ends.push(signal.aborted ? "cancelled" : "half-closed");
    },
  });
  const { events, eventsStore } = client;
  await Promise.all([1, 2].flatMap(() => [events.publish(small), eventsStore.publish(small)]));
  await until("the stream of stored events is left", () => ends.length === 2, 2_000);
  const stop = new AbortController();
  const publisher = client.eventsStore.publisher({ signal: stop.signal });
  await publisher.publish(small);
  stop.abort();
  await until("the stream of the publisher is left", () => ends.length === 3, 2_000);
  expect(ends).toEqual(["half-closed", "half-closed", "half-closed"]);
});

test("a stream that a send opens while the previous one ends closes when idle", async () => {
  const { calls, streams } = played();
  const counts = { open: 0, opened: 0 };
  let second: Promise<unknown> | undefined;
  await using client = playedBy({
    ...calls,
    async *queuesUpstream(requests, { signal }) {
      counts.open += 1;
      counts.opened += 1;
      try {
        yield* streams.queuesUpstream(requests);
        second ??= client.queues.send(small);
        // Ignores the half-close, like servers.
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        counts.open -= 1;
      }
    },
  });
  await client.queues.send(small);
  await until("a send opens the second stream", () => counts.opened === 2, 2_000);
  await second;
  await until("both streams are left", () => counts.open === 0, 2_000);
  expect(counts).toEqual({ open: 0, opened: 2 });
});

test("after GOAWAY sends go to the next connection, though their stream could stay", () =>
  withBroker(async ({ broker, connect }) => {
    await using proxy = await TcpProxy.start(broker.port);
    const client = connect({ address: proxy.address });
    // A subscription stays on the connection that the server has asked to leave, and so keeps it open.
    const subscription = client.events.subscribe({ channel: "c" });
    await subscription.ready;
    let failed = 0;
    const send = () => client.queues.send(small).catch(() => (failed += 1));
    await send();
    broker.faults.goAway();
    await until("sends go to another connection", async () => {
      await send();
      return proxy.accepted === 2;
    });
    expect(failed).toBe(0);
    await client.close();
  }));
