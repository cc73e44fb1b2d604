import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ErrorCode, KubeMQClient, KubeMQError, type Status, type Subscription } from "kubemq-es";
import { type Broker, startBroker } from "kubemq-es/testing";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Failures } from "../../src/stream/failures.js";
import { reactionTo } from "../../src/stream/reaction.js";
import { DEFAULTS } from "../../src/support/defaults.js";
import { envelope, RawGrpcServer, respond } from "../support/raw-grpc-server.js";
import { until, within } from "../support/until.js";

const reconnect = { initialDelayMs: 1, maxDelayMs: 5 };

const streams: Record<string, { rpc: string; open: (client: KubeMQClient) => Subscription<unknown> }> = {
  "events.subscribe": { rpc: "SubscribeToEvents", open: ({ events }) => events.subscribe({ channel: "c" }) },
  "eventsStore.subscribe": {
    rpc: "SubscribeToEvents",
    open: ({ eventsStore }) => eventsStore.subscribe({ channel: "c", start: { from: "new" } }),
  },
  "commands.subscribe": { rpc: "SubscribeToRequests", open: ({ commands }) => commands.subscribe({ channel: "c" }) },
  "queues.consume": { rpc: "QueuesDownstream", open: ({ queues }) => queues.consume({ channel: "q" }) },
};

/** Ends a stream that the server had accepted, by gRPC status and message. */
const passing: [what: string, code: number, message: string][] = [
  ["a proxy's limit for the life of a stream", 4, "stream timeout"],
  ["a proxy's idle time-out", 2, ""],
  ["a failed upstream", 13, "upstream connect error or disconnect/reset before headers. reset reason: overflow"],
  ["a route that is being reloaded", 12, "unknown service kubemq.kubemq"],
  ["a route that is not there yet", 5, "no route matched"],
  ["a server that panicked", 2, " value: runtime error: Error 200: server crushed and recovered"],
  ["a store without a leader", 2, "stan: no cluster leader"],
  ["a store whose time is over", 13, "stan: publish request timeout"],
  ["a message bus that is stale", 2, "nats: stale connection"],
  ["a message bus without connection", 2, "nats: invalid connection"],
  ["data loss", 15, "unexpected EOF"],
];

const refusals: [what: string, code: number, message: string, becomes: string][] = [
  ["the token", 16, "token is expired", "UNAUTHENTICATED"],
  ["the permission", 7, "not allowed", "PERMISSION_DENIED"],
  ["the channel", 13, "Error 102: channel cannot be empty", "REJECTED_BY_SERVER"],
  ["the subject", 13, "nats: invalid subject", "REJECTED_BY_SERVER"],
  [
    "the group",
    13,
    "stan: durable name of a durable queue subscriber can't contain the character ':'",
    "REJECTED_BY_SERVER",
  ],
  ["an argument", 3, "bad request", "REJECTED_BY_SERVER"],
];

describe.each(Object.entries(streams))("%s that has worked", (_name, { rpc, open }) => {
  let broker: Broker;
  let client: KubeMQClient;
  beforeEach(async () => {
    broker = await startBroker();
    client = new KubeMQClient({ address: broker.address, reconnect: { ...reconnect, firstAttempts: 1 } });
  });
  afterEach(async () => {
    await client.close({ timeoutMs: 100 });
    await broker.close();
  });

  async function worked(): Promise<Subscription<unknown>> {
    const subscription = open(client);
    subscription[Symbol.asyncIterator]()
      .next()
      .catch(() => {});
    await subscription.ready;
    await until("the call is open", () => (broker.stats().streams[rpc] ?? 0) > 0);
    // Longer than a refusal could take after the answer of the ping.
    await new Promise((resolve) => setTimeout(resolve, 60));
    return subscription;
  }

  test.each(passing)("a stream that has worked reconnects after %s (status %d)", async (_what, code, message) => {
    const subscription = await worked();
    let ended = false;
    void subscription.closed.then(() => (ended = true));
    const resumed = nextStatus(client, "resumed");
    expect(broker.faults.endStreams({ rpc, code, message })).toBeGreaterThan(0);
    await within(5_000, "the stream is back", resumed);
    expect(ended).toBe(false);
  });

  test.each(refusals)(
    "a stream that has worked ends when the server refuses %s (status %d)",
    async (_what, code, message, becomes) => {
      const subscription = await worked();
      broker.faults.endStreams({ rpc, code, message });
      expect((await within(5_000, "the end", subscription.closed))?.code).toBe(becomes);
    },
  );
});

async function nextStatus(client: KubeMQClient, type: Status["type"]): Promise<Status | undefined> {
  for await (const status of client.status()) if (status.type === type) return status;
  return undefined;
}

/** Answers pings, and ends every other call in one way. */
function refusing(answer: (stream: ServerHttp2Stream) => void): Promise<RawGrpcServer> {
  return RawGrpcServer.start((stream, headers) => {
    if (headers[":path"] !== "/kubemq.Kubemq/Ping" && !String(headers[":path"]).endsWith("/Ping"))
      return answer(stream);
    respond(stream);
    stream.end(envelope(new Uint8Array(0)));
  });
}

const http = (status: number) => (stream: ServerHttp2Stream) => {
  stream.respond({ ":status": status, "content-type": "text/html" });
  stream.end("<html>");
};

const grpc = (code: number, message: string) => (stream: ServerHttp2Stream) =>
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": String(code), "grpc-message": message },
    { endStream: true },
  );

const withoutTrailers = (stream: ServerHttp2Stream) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  stream.end();
};

const headersAlone = (stream: ServerHttp2Stream) =>
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { endStream: true });

describe("a stream that has never worked", () => {
  test.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    ["HTTP 404", http(404), "UNSUPPORTED"],
    ["HTTP 408", http(408), "INTERNAL"],
    ["HTTP 500", http(500), "INTERNAL"],
    ["an HTML page", http(200), "PROTOCOL"],
    ["status 12", grpc(12, "unknown service"), "UNSUPPORTED"],
    ["status 13", grpc(13, "upstream connect error"), "INTERNAL"],
    ["status 2", grpc(2, "stream timeout"), "INTERNAL"],
    ["status 4", grpc(4, "stream timeout"), "TIMEOUT"],
    ["responses without trailers", withoutTrailers, "UNAVAILABLE"],
    ["responses of headers alone", headersAlone, "UNAVAILABLE"],
    ["streams that end without a response", (stream) => stream.close(0), "UNAVAILABLE"],
    ["PROTOCOL_ERROR", (stream) => stream.close(1), "UNAVAILABLE"],
    ["INTERNAL_ERROR", (stream) => stream.close(2), "UNAVAILABLE"],
    ["HTTP_1_1_REQUIRED", (stream) => stream.close(13), "UNAVAILABLE"],
  ])("ends after reconnect.firstAttempts attempts with %s", async (_what, answer, code) => {
    let attempts = 0;
    await using server = await refusing((stream) => {
      attempts += 1;
      answer(stream);
    });
    await using client = new KubeMQClient({
      address: server.url.slice("http://".length),
      reconnect: { ...reconnect, firstAttempts: 3 },
    });
    const subscription = client.events.subscribe({ channel: "c" });
    expect((await within(5_000, "the end", subscription.closed))?.code).toBe(code);
    expect(attempts).toBe(3);
  });

  test("a stream that has never worked ends after reconnect.firstAttempts attempts with an HTTP/1 server", async () => {
    const server = createServer((_, response) => response.end("<html>"));
    await once(server.listen(0, "127.0.0.1"), "listening");
    await using client = new KubeMQClient({
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      reconnect: { ...reconnect, firstAttempts: 3 },
    });
    const attempts: Status[] = [];
    void (async () => {
      for await (const status of client.status()) if (status.type === "retry") attempts.push(status);
    })();
    const subscription = client.events.subscribe({ channel: "c" });
    const error = await within(5_000, "the end", subscription.closed);
    server.close();
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
    expect(String(error)).toContain("is this the gRPC port of a KubeMQ server");
    expect(attempts).toHaveLength(2);
  });

  test("attempts without a connection do not count among the first attempts of a stream", async () => {
    const error = (code: ErrorCode) => new KubeMQError(code, "refused");
    const attempts = [...Array.from({ length: 9 }, () => "UNAVAILABLE" as const), "UNSUPPORTED", "INTERNAL"] as const;
    const failures = new Failures({ ...DEFAULTS.reconnect, firstAttempts: 2, maxAttempts: 20 });
    expect(attempts.map((code) => failures.endsAfter(error(code), false))).toEqual([
      ...Array.from({ length: 10 }, () => false),
      true,
    ]);
  });

  test("a stream that has never worked ends at the first refusal of its arguments", async () => {
    let attempts = 0;
    await using server = await refusing((stream) => {
      attempts += 1;
      grpc(13, "Error 102: channel cannot be empty")(stream);
    });
    await using client = new KubeMQClient({ address: server.url.slice("http://".length), reconnect });
    expect((await client.events.subscribe({ channel: "c" }).closed)?.code).toBe("REJECTED_BY_SERVER");
    expect(attempts).toBe(1);
  });

  test("a stream that has never worked waits for a server that cannot be reached, however long that takes", () => {
    expect(reactionTo(new KubeMQError("UNAVAILABLE", "connection refused"), false)).toBe("many");
  });
});
