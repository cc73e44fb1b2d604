import { connect as connectSocket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import type { EventReceive } from "kubemq-es/gen";
import { Request_RequestType, Subscribe_SubscribeType } from "kubemq-es/gen";
import type { Broker } from "kubemq-es/testing";
import { startBroker } from "kubemq-es/testing";
import { flag, frame, frameType, headers } from "../support/h2.js";
import { pem } from "../support/tls.js";
import { rejection, until, within } from "../support/until.js";
import type { RawClient } from "./raw-client.js";
import { rawClient } from "./raw-client.js";

const event = { ClientID: "c", Channel: "ch", Body: new Uint8Array(1) };

/**
 * Resolves after ten calls to another broker: longer than a call to this one takes when it is not
 * held back.
 */
async function callsElsewhere(): Promise<void> {
  await using other = await startBroker();
  using client = rawClient(other.address);
  for (let call = 0; call < 10; call++) await client.rpc.ping({});
}

const codeOf = async (call: Promise<unknown>) => ConnectError.from(await rejection(call)).code;

/** An active subscription, with its received messages and its end. */
async function subscribed(client: RawClient, channel = "ch", clientId = "s") {
  const received: EventReceive[] = [];
  let active = () => {};
  const headers = new Promise<void>((resolve) => (active = resolve));
  const request = { SubscribeTypeData: Subscribe_SubscribeType.Events, ClientID: clientId, Channel: channel };
  const end = (async () => {
    try {
      for await (const message of client.rpc.subscribeToEvents(request, { onHeader: active })) {
        received.push(message);
      }
      return "clean" as const;
    } catch (error) {
      return ConnectError.from(error);
    }
  })();
  await within(5000, "the subscription is active", headers);
  return { received, end };
}

describe("injected faults", () => {
  test("dropConnections breaks open connections and accepts new ones", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { end } = await subscribed(client);
    await broker.faults.dropConnections();
    expect(await end).toBeInstanceOf(ConnectError);
    expect(broker.stats()).toMatchObject({ connections: 0, streams: {} });
    expect((await client.rpc.sendEvent(event)).Sent).toBe(true);
  });

  test("finishConnections ends a connection with FIN, without GOAWAY, trailers or a reset of its streams", async () => {
    await using broker = await startBroker();
    const client = watchedConnection(broker.port);
    await until("the call runs", () => broker.stats().streams["QueuesDownstream"] === 1);
    await broker.faults.finishConnections();
    expect(await client.end).toBe("FIN");
    const { goAway, headers: trailers, rstStream } = frameType;
    expect(client.frameTypes()).not.toContain(goAway);
    expect(client.frameTypes()).not.toContain(trailers);
    expect(client.frameTypes()).not.toContain(rstStream);
    expect(broker.stats()).toMatchObject({ connections: 0, streams: {} });
  });

  test("finishConnections fails the calls of a client, which can connect again", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { end } = await subscribed(client);
    await broker.faults.finishConnections();
    expect(await end).toBeInstanceOf(ConnectError);
    expect((await client.rpc.sendEvent(event)).Sent).toBe(true);
  });

  test("refuseConnections refuses new connections, and keeps open ones, until they are allowed", async () => {
    await using broker = await startBroker();
    const { port } = broker;
    using inside = rawClient(broker.address);
    await inside.rpc.ping({});
    broker.faults.refuseConnections();
    await expect(connected(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect((await inside.rpc.sendEvent(event)).Sent).toBe(true);
    await broker.faults.allowConnections();
    await connected(port);
  });

  test("pauseReading leaves calls and HTTP/2 pings unanswered, and reads the accumulated data later", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    await client.rpc.ping({});
    broker.faults.pauseReading();
    const call = client.rpc.sendEvent(event, { timeoutMs: 10_000 });
    expect(await Promise.race([call, callsElsewhere()])).toBeUndefined();
    broker.faults.resumeReading();
    expect((await call).Sent).toBe(true);
  });

  test("pauseReading affects connections opened while it is active", async () => {
    await using broker = await startBroker();
    broker.faults.pauseReading();
    using client = rawClient(broker.address);
    expect(await codeOf(client.rpc.ping({}, { timeoutMs: 200 }))).toBe(Code.DeadlineExceeded);
    broker.faults.resumeReading();
    await client.rpc.ping({}, { timeoutMs: 5000 });
  });

  test("pauseReading works under TLS", async () => {
    await using broker = await startBroker({ cert: pem("server"), key: pem("server-key") });
    using client = rawClient(broker.address, { tls: { ca: pem("ca") } });
    await client.rpc.ping({});
    broker.faults.pauseReading();
    const call = client.rpc.ping({});
    expect(await Promise.race([call, callsElsewhere()])).toBeUndefined();
    broker.faults.resumeReading();
    expect((await call).Version).toMatch(/^v/);
  });

  test("pauseWriting holds back answers and messages while requests are received", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { received } = await subscribed(client);
    broker.faults.pauseWriting();
    const call = client.rpc.sendEvent({ ...event, Store: true });
    const plain = client.rpc.sendEvent(event);
    await until("the event is taken", () => broker.stats().messages.eventsStore["ch"] === 1);
    expect(await Promise.race([call, callsElsewhere()])).toBeUndefined();
    expect(received).toEqual([]);
    broker.faults.resumeWriting();
    expect([(await call).Sent, (await plain).Sent]).toEqual([true, true]);
    await until("the event has arrived", () => received.length === 1);
  });

  test("delayReplies delays each answer by the given time", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    await client.rpc.ping({});
    broker.faults.delayReplies(500);
    const began = performance.now();
    await client.rpc.ping({});
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(495);
    expect(took).toBeLessThan(990);
    broker.faults.delayReplies(0);
  });

  test.each([
    [{ rpc: "SubscribeToEvents" }, "clean"],
    [
      { rpc: "SubscribeToEvents", code: 14, message: "going away: ü" },
      { code: 14, rawMessage: "going away: ü" },
    ],
    [
      { code: 8, message: "Bandwidth exhausted" },
      { code: 8, rawMessage: "Bandwidth exhausted" },
    ],
  ])("endStreams(%j) ends the selected streams and no others", async (how, wanted) => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { end } = await subscribed(client);
    expect(broker.faults.endStreams({ rpc: "SubscribeToRequests" })).toBe(0);
    expect(broker.faults.endStreams(how)).toBe(1);
    const ended = await end;
    if (typeof wanted === "string") expect(ended).toBe(wanted);
    else expect(ended).toMatchObject(wanted);
    await until("the broker has let go of it", () => Object.keys(broker.stats().streams).length === 0);
    expect((await client.rpc.sendEvent(event)).Sent).toBe(true);
    expect(broker.stats().connections).toBe(1);
  });

  test("endStreams ends a waiting call and its handler", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const call = client.rpc.sendRequest({
      RequestTypeData: Request_RequestType.Command,
      ClientID: "c",
      Channel: "ch",
      Metadata: "m",
      Timeout: 60_000,
    });
    await until("the request waits", () => broker.stats().pendingRequests === 1);
    broker.faults.endStreams({ rpc: "SendRequest", code: 13, message: "no" });
    expect(ConnectError.from(await rejection(call))).toMatchObject({ code: 13, rawMessage: "no" });
    await until("nothing waits any more", () => broker.stats().pendingRequests === 0);
  });

  test("resetStreams resets the streams of one RPC and ends their handlers", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { end } = await subscribed(client);
    expect(broker.faults.resetStreams({ rpc: "SubscribeToRequests" })).toBe(0);
    expect(broker.faults.resetStreams({ rpc: "SubscribeToEvents", code: 2 })).toBe(1);
    expect(await end).toMatchObject({ code: Code.Internal });
    await until("the broker has let go of it", () => Object.keys(broker.stats().streams).length === 0);
    const request = { ClientID: "c", Channel: "ch", Metadata: "m", Timeout: 60_000 };
    const call = client.rpc.sendRequest({ ...request, RequestTypeData: Request_RequestType.Command });
    await until("the request waits", () => broker.stats().pendingRequests === 1);
    expect(broker.faults.resetStreams()).toBe(1);
    expect(await codeOf(call)).toBe(Code.Canceled);
    await until("nothing waits any more", () => broker.stats().pendingRequests === 0);
    expect(broker.stats().connections).toBe(1);
  });

  test("goAway with a last stream ends later streams without an error", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const first = await subscribed(client);
    const second = await subscribed(client, "ch", "t");
    broker.faults.goAway({ lastStreamId: 1 });
    expect(await second.end).toBeInstanceOf(ConnectError);
    await until("one is left", () => broker.stats().streams["SubscribeToEvents"] === 1);
    broker.faults.endStreams({ rpc: "SubscribeToEvents" });
    expect(await first.end).toBe("clean");
    await until("the connection is closed", () => broker.stats().connections === 0);
  });

  test("goAway ends a connection that stays silent", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    await client.rpc.ping({});
    expect(broker.stats().connections).toBe(1);
    broker.faults.goAway({ lastStreamId: 1 });
    broker.faults.goAway({ lastStreamId: 1 });
    await until("the connection is gone", () => broker.stats().connections === 0);
  });

  test("goAway lets running streams finish and sends new calls to a new connection", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { received, end } = await subscribed(client);
    broker.faults.goAway();
    using other = rawClient(broker.address);
    await other.rpc.sendEvent(event);
    await until("the event came on the old connection", () => received.length === 1);
    expect((await client.rpc.sendEvent(event)).Sent).toBe(true);
    expect(broker.stats().connections).toBe(3);
    broker.faults.endStreams({ rpc: "SubscribeToEvents" });
    expect(await end).toBe("clean");
    expect((await client.rpc.sendEvent(event)).Sent).toBe(true);
  });

  test("goAway with an error code closes the connection", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { end } = await subscribed(client);
    broker.faults.goAway({ code: 11, reason: "too_many_pings" });
    expect(await end).toBeInstanceOf(ConnectError);
    await until("the connection is gone", () => broker.stats().connections === 0);
  });

  test.each([
    [true, { ch: 1 }, 1],
    [false, {}, 0],
  ])("restart({ keepMemory: %j }) listens on the same port again", async (keepMemory, kept, waiting) => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    const { port } = broker;
    const { end } = await subscribed(client);
    await client.rpc.sendEvent({ ...event, Store: true });
    await client.rpc.sendQueueMessage({ ClientID: "c", Channel: "q", Metadata: "m" });
    const back = broker.faults.restart({ keepMemory, downMs: 800 });
    expect(await end).toBeInstanceOf(ConnectError);
    await until("the port is closed", async () => !(await isOpen(port)));
    await back;
    expect(broker.port).toBe(port);
    expect(broker.stats().messages.eventsStore).toEqual(kept);
    expect(await waitingIn(broker)).toBe(waiting);
  });
});

async function waitingIn(broker: Broker): Promise<number> {
  using client = rawClient(broker.address);
  const request = { ClientID: "c", Channel: "q", MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };
  return (await client.rpc.receiveQueueMessages(request)).MessagesReceived;
}

function connected(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(port, "127.0.0.1", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

const isOpen = (port: number) =>
  connected(port).then(
    () => true,
    () => false,
  );

/**
 * HTTP/2 frames by type, and the end of the connection, seen by a client that never closes a
 * stream.
 */
function watchedConnection(port: number) {
  const received: Buffer[] = [];
  const socket = connectSocket({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(frameType.settings, 0, 0));
  const fields = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "broker",
    ":path": "/kubemq.kubemq/QueuesDownstream",
    "content-type": "application/grpc",
    te: "trailers",
  };
  socket.write(headers(1, fields, flag.endHeaders));
  socket.on("data", (chunk) => received.push(chunk));
  const end = new Promise<string>((resolve) => {
    socket.once("end", () => {
      resolve("FIN");
      socket.end();
    });
    socket.once("error", (error) => resolve(String(error)));
  });
  return {
    end,
    frameTypes(): number[] {
      const bytes = Buffer.concat(received);
      const types: number[] = [];
      for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3] ?? 0);
      return types;
    },
  };
}
