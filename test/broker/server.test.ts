import { once, setMaxListeners } from "node:events";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { Request_RequestType, Subscribe_EventsStoreType, Subscribe_SubscribeType } from "kubemq-es/gen";
import { ManualClock, startBroker } from "kubemq-es/testing";
import { pem } from "../support/tls.js";
import { rejection, until } from "../support/until.js";
import { rawClient } from "./raw-client.js";

const event = { ClientID: "c", Channel: "ch", Body: new Uint8Array(1) };

async function statusOf(call: Promise<unknown>): Promise<{ code: Code; message: string }> {
  const { code, rawMessage } = ConnectError.from(await rejection(call));
  return { code, message: rawMessage };
}

/** The headers and trailers on the wire of the answer to one POST, without Connect. */
async function post(address: string, path: string, headers: OutgoingHttpHeaders = {}): Promise<IncomingHttpHeaders> {
  const session = connect(`http://${address}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    const fields: IncomingHttpHeaders = {};
    stream.on("response", (received) => Object.assign(fields, received));
    stream.on("trailers", (received: IncomingHttpHeaders) => Object.assign(fields, received));
    stream.resume();
    await new Promise((resolve, reject) => stream.once("close", resolve).once("error", reject));
    return fields;
  } finally {
    session.destroy();
  }
}

describe("refusals before the first message", () => {
  test.each([
    ["/kubemq.kubemq/Nope", "unknown method Nope for service kubemq.kubemq"],
    ["/grpc.health.v1.Health/Check", "unknown service grpc.health.v1.Health"],
  ])("the broker refuses a call with %s: %s", async (path, message) => {
    await using broker = await startBroker();
    expect(await post(broker.address, path)).toMatchObject({ "grpc-status": "12", "grpc-message": message });
  });

  test("the broker refuses a compressed request", async () => {
    await using broker = await startBroker();
    expect(await post(broker.address, "/kubemq.kubemq/Ping", { "grpc-encoding": "gzip" })).toMatchObject({
      "grpc-status": "12",
      "grpc-message": 'grpc: Decompressor is not installed for grpc-encoding "gzip"',
    });
  });

  test("a per cent sign in a status message is escaped, as gRPC requires", async () => {
    await using broker = await startBroker();
    const trailers = await post(broker.address, "/kubemq.kubemq/Nope%C3%BC");
    expect(trailers["grpc-message"]).toBe("unknown method Nope%25C3%25BC for service kubemq.kubemq");
  });
});

describe("message sizes", () => {
  test("a message above the limit is refused in both directions with the server's messages", async () => {
    await using broker = await startBroker({ maxMessageBytes: 1000 });
    using client = rawClient(broker.address);
    expect(await statusOf(client.rpc.sendEvent({ ...event, Body: new Uint8Array(2000) }))).toEqual({
      code: Code.ResourceExhausted,
      message: "grpc: received message larger than max (2010 vs. 1000)",
    });
    expect((await client.rpc.sendEvent({ ...event, Body: new Uint8Array(900) })).Sent).toBe(true);
    const queued = { ClientID: "c", Channel: "q", Body: new Uint8Array(600) };
    for (let i = 0; i < 2; i++) await client.rpc.sendQueueMessage(queued);
    const { code, message } = await statusOf(
      client.rpc.receiveQueueMessages({ ClientID: "c", Channel: "q", MaxNumberOfMessages: 2, WaitTimeSeconds: 1 }),
    );
    expect(code).toBe(Code.ResourceExhausted);
    expect(message).toMatch(/^grpc: trying to send message larger than max \(1\d\d\d vs\. 1000\)$/);
  });
});

describe("the token", () => {
  test("every call except Ping requires the token, and the token can change", async () => {
    await using broker = await startBroker({ token: "secret" });
    using client = rawClient(broker.address);
    const as = (authorization: string) => ({ headers: { authorization } });
    expect((await client.rpc.ping({})).Version).toMatch(/^v\d/);
    expect(await statusOf(client.rpc.sendEvent(event))).toEqual({
      code: Code.Unauthenticated,
      message: "Error 421: authentication verification failed, no token was sent",
    });
    expect(await statusOf(client.rpc.sendEvent(event, as("wrong")))).toEqual({
      code: Code.Unauthenticated,
      message: "Error 421: authentication verification failed, the token is not valid",
    });
    expect((await client.rpc.sendEvent(event, as("secret"))).Sent).toBe(true);
    broker.setToken("rotated");
    expect((await statusOf(client.rpc.sendEvent(event, as("secret")))).code).toBe(Code.Unauthenticated);
    expect((await client.rpc.sendEvent(event, as("rotated"))).Sent).toBe(true);
  });

  test("streams require the token", async () => {
    await using broker = await startBroker({ token: "secret" });
    using client = rawClient(broker.address);
    const subscription = client.rpc.subscribeToEvents({
      SubscribeTypeData: Subscribe_SubscribeType.Events,
      ClientID: "c",
      Channel: "ch",
    });
    expect((await statusOf(subscription[Symbol.asyncIterator]().next())).code).toBe(Code.Unauthenticated);
  });
});

describe("TLS", () => {
  const server = { cert: pem("server"), key: pem("server-key") };

  test("a client that trusts the authority can connect over TLS", async () => {
    await using broker = await startBroker(server);
    using trusting = rawClient(broker.address, { tls: { ca: pem("ca") } });
    using strange = rawClient(broker.address, { tls: { ca: pem("foreign-ca") } });
    expect((await trusting.rpc.sendEvent(event)).Sent).toBe(true);
    await expect(strange.rpc.ping({})).rejects.toBeInstanceOf(ConnectError);
  });

  test("with ca, a client must present a certificate signed by that authority", async () => {
    await using broker = await startBroker({ ...server, ca: pem("ca") });
    const ca = pem("ca");
    using known = rawClient(broker.address, { tls: { ca, cert: pem("client"), key: pem("client-key") } });
    using foreign = rawClient(broker.address, {
      tls: { ca, cert: pem("client-foreign"), key: pem("client-foreign-key") },
    });
    using silent = rawClient(broker.address, { tls: { ca } });
    expect((await known.rpc.sendEvent(event)).Sent).toBe(true);
    await expect(foreign.rpc.ping({})).rejects.toBeInstanceOf(ConnectError);
    await expect(silent.rpc.ping({})).rejects.toBeInstanceOf(ConnectError);
    expect(broker.stats().streams).toEqual({});
  });

  test.each([
    [{ cert: "x" }, /cert and key go together/],
    [{ key: "x" }, /cert and key go together/],
    [{ ca: "x" }, /give cert and key too/],
    [{ port: 70_000 }, /port is 70000/],
    [{ maxMessages: 0 }, /maxMessages is 0/],
  ])("startBroker refuses contradictory options: %j", async (options, text) => {
    await expect(startBroker(options)).rejects.toThrow(text);
  });
});

describe("a broker", () => {
  test("a connection whose client cancels a thousand calls leaves no connection and no call", async () => {
    await using broker = await startBroker();
    const session = connect(`http://${broker.address}`).on("error", () => {});
    const path = "/kubemq.kubemq/SubscribeToEvents";
    const roundTrip = () =>
      new Promise<void>((resolve) => {
        if (session.destroyed || !session.ping(() => resolve())) resolve();
      });
    await once(session, "connect");
    for (let round = 0; round < 20 && !session.destroyed; round++) {
      const streams = Array.from({ length: 100 }, () =>
        session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" }).on("error", () => {}),
      );
      await roundTrip();
      for (const stream of streams) stream.close(8);
      await roundTrip();
    }
    session.destroy();
    await until("the connection is gone", () => broker.stats().connections === 0);
    expect(broker.stats().streams).toEqual({});
  });

  test("startBroker rejects when the port is taken, and close releases the port", async () => {
    const first = await startBroker();
    await expect(startBroker({ port: first.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await first.close();
    await first.close();
    await using second = await startBroker({ port: first.port });
    expect(second.port).toBe(first.port);
  });

  test("stats counts running calls and connections, and is zero after 300 subscriptions have ended", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    const headers: Promise<void>[] = [];
    const ends = Array.from({ length: 300 }, (_, i) => {
      let seen = () => {};
      headers.push(new Promise((resolve) => (seen = resolve)));
      const stored = {
        SubscribeTypeData: Subscribe_SubscribeType.EventsStore,
        EventsStoreTypeData: Subscribe_EventsStoreType.StartNewOnly,
      };
      const plain = { SubscribeTypeData: Subscribe_SubscribeType.Events };
      const request = { ...(i % 2 === 0 ? plain : stored), ClientID: `c${i}`, Channel: `ch.${i % 10}` };
      const stream = client.rpc.subscribeToEvents(request, { signal: gone.signal, onHeader: seen });
      return stream[Symbol.asyncIterator]()
        .next()
        .catch(() => {});
    });
    // Early headers show that a subscription is active.
    await Promise.all(headers);
    expect(broker.stats()).toMatchObject({ connections: 1, streams: { SubscribeToEvents: 300 } });
    gone.abort();
    await Promise.all(ends);
    await until("no stream is left", () => Object.keys(broker.stats().streams).length === 0);
    client.sessions.abort();
    await until("no connection is left", () => broker.stats().connections === 0);
  });

  test("the broker keeps requests, cached answers and messages no longer than needed", async () => {
    const clock = new ManualClock();
    await using broker = await startBroker({ clock, maxAgeMs: 60_000 });
    using client = rawClient(broker.address);
    const query = {
      RequestTypeData: Request_RequestType.Query,
      ClientID: "c",
      Channel: "ch",
      Metadata: "m",
      Timeout: 1000,
      CacheKey: "k",
      CacheTTL: 5,
    };
    const responder = client.rpc.subscribeToRequests({
      SubscribeTypeData: Subscribe_SubscribeType.Queries,
      ClientID: "r",
      Channel: "ch",
    });
    const requests = responder[Symbol.asyncIterator]();
    const next = requests.next();
    await until("the responder is there", () => broker.stats().streams["SubscribeToRequests"] === 1);
    const answer = client.rpc.sendRequest(query);
    const { value: request } = await next;
    expect(broker.stats().pendingRequests).toBe(1);
    await client.rpc.sendResponse({
      ClientID: "r",
      RequestID: request?.RequestID ?? "",
      ReplyChannel: request?.ReplyChannel ?? "",
      Executed: true,
      Metadata: "found",
    });
    expect(await answer).toMatchObject({ Metadata: "found", CacheHit: false, ReplyChannel: "" });
    const again = await client.rpc.sendRequest({ ...query, RequestID: "again" });
    expect(again).toMatchObject({ Metadata: "found", CacheHit: true, RequestID: "again" });
    await client.rpc.sendEvent({ ...event, Store: true });
    expect(broker.stats()).toMatchObject({
      pendingRequests: 0,
      cachedResponses: 1,
      messages: { eventsStore: { ch: 1 } },
    });
    clock.advance(61_000);
    expect(broker.stats()).toMatchObject({ cachedResponses: 0, messages: { eventsStore: {} } });
  });
});
