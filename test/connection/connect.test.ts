import { expect, test } from "@jest/globals";
import { createPrivateKey } from "node:crypto";
import { KubeMQClient, KubeMQError, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { createServer, type AddressInfo } from "node:net";
import { BareServer } from "../support/bare-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { pem } from "../support/tls.js";
import { rejection, until } from "../support/until.js";

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const reconnect = { initialDelayMs: 5, maxDelayMs: 20 };

test("connect rejects at the first failure without waitMs", async () => {
  const address = `127.0.0.1:${await unusedPort()}`;
  const error = await rejection(KubeMQClient.connect({ address }));
  expect(error).toMatchObject({ code: "UNAVAILABLE", operation: "client.connect" });
  expect(String(error)).toContain(`client.connect: connect ECONNREFUSED ${address}; is a server running there?`);
});

test("connect with waitMs waits for a server that starts later", async () => {
  const port = await unusedPort();
  const connecting = KubeMQClient.connect({ address: `127.0.0.1:${port}`, reconnect }, { waitMs: 10_000 });
  await using broker = await startBroker({ port });
  await using client = await connecting;
  expect([client.state, broker.port]).toEqual(["ready", port]);
});

test("connect with waitMs rejects with the last error when the time is over", async () => {
  const address = `127.0.0.1:${await unusedPort()}`;
  const error = await rejection(KubeMQClient.connect({ address, reconnect }, { waitMs: 60 }));
  expect(error).toMatchObject({ code: "UNAVAILABLE", operation: "client.connect" });
  expect(String(error)).toMatch(/^KubeMQError: client.connect: no server within 60 ms, at last: connect ECONNREFUSED/);
});

test("connect with waitMs rejects with its signal's reason", async () => {
  const address = `127.0.0.1:${await unusedPort()}`;
  const stop = new AbortController();
  const connecting = KubeMQClient.connect({ address, reconnect }, { waitMs: Infinity, signal: stop.signal });
  const reason = new Error("enough");
  setTimeout(() => stop.abort(reason), 50);
  expect(await rejection(connecting)).toBe(reason);
});

test("connect with waitMs does not wait for a server whose certificate is not trusted", async () => {
  await using broker = await startBroker({ cert: pem("server"), key: pem("server-key") });
  const tls = { ca: pem("foreign-ca") };
  const connecting = KubeMQClient.connect({ address: `localhost:${broker.port}`, tls }, { waitMs: Infinity });
  const error = await rejection(connecting);
  expect(error).toMatchObject({ code: "UNAUTHENTICATED", operation: "client.connect" });
  expect(String(error)).toContain(`client.connect: localhost:${broker.port}: the server's certificate comes from`);
});

test("connect with waitMs keeps waiting for a server that accepts connections and is silent", async () => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  proxy.pause("down");
  const connecting = KubeMQClient.connect({ address: proxy.address, reconnect, timeoutMs: 50 }, { waitMs: 10_000 });
  await until("a connection is made", () => proxy.accepted > 0);
  setTimeout(() => proxy.resume(), 120);
  await using client = await connecting;
  expect(client.state).toBe("ready");
});

test.each([[-1], [Number.NaN], ["5"]])("waitMs of %j is refused", async (waitMs) => {
  const error = await rejection(KubeMQClient.connect({}, { waitMs: waitMs as number }));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("the error names a server that accepts connections and is silent", async () => {
  await using proxy = await TcpProxy.start(await unusedPort());
  proxy.pause("both");
  const error = await rejection(KubeMQClient.connect({ address: proxy.address, timeoutMs: 50 }));
  expect(error).toMatchObject({ code: "TIMEOUT" });
  expect(String(error)).toContain(`${proxy.address} does not answer; is that the gRPC port of a KubeMQ server?`);
});

test("the error of a server that speaks HTTP/1 names the port to try", async () => {
  await using web = await BareServer.start((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await expect(KubeMQClient.connect({ address: web.address })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("is this the gRPC port of a KubeMQ server"),
  });
});

test.each<[string, (client: KubeMQClient) => Promise<unknown>]>([
  ["events.publish on a", (client) => client.events.publish({ channel: "a", body: "x" })],
  ["queues.send on a", (client) => client.queues.send({ channel: "a", body: "x" }, { timeoutMs: 50 })],
])("the error of a first send to a silent server names the server and asks whether it is one: %s", async (at, send) => {
  await using proxy = await TcpProxy.start(await unusedPort());
  proxy.pause("both");
  await using client = new KubeMQClient({ address: proxy.address, timeoutMs: 50, reconnect });
  const error = await rejection(send(client));
  expect(error).toMatchObject({ code: "TIMEOUT", retryable: true });
  // An event that is sent alone is a call: on a busy machine, the call's own time-out may be the first to be noticed.
  const late = /no answer from the server within 50 ms, the message may have been taken|the operation timed out/;
  expect(String(error).replace(late, "(late)")).toBe(
    `KubeMQError: ${at}: (late); ${proxy.address} has sent nothing yet; is that the gRPC port of a KubeMQ server?`,
  );
  await client.close({ timeoutMs: 20 });
});

test("the error of a send that timed out says when the connection was silent meanwhile", async () => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = await KubeMQClient.connect({ address: proxy.address, reconnect });
  proxy.pause("both");
  const error = await rejection(client.queues.send({ channel: "a", body: "x" }, { timeoutMs: 50 }));
  proxy.resume();
  expect(String(error)).toContain("nothing was received from the server meanwhile, the connection may be dead (127");
});

test("the error of a single event whose connection was lost names its operation once", async () => {
  await using proxy = await TcpProxy.start(await unusedPort());
  proxy.pause("both");
  await using client = new KubeMQClient({ address: proxy.address, connectTimeoutMs: 50, reconnect });
  const error = await rejection(client.events.publish({ channel: "a", body: "x" }));
  expect(String(error)).toMatch(/^KubeMQError: events.publish on a: connection lost: the server accepted/);
});

test("connectTimeoutMs bounds the time until a server that accepts connections sends its first frame", async () => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  proxy.pause("down");
  const limits = { connectTimeoutMs: 60, timeoutMs: 60_000, reconnect };
  {
    const servers = [proxy.address, broker.address];
    // On a busy machine the other server may need more than one attempt.
    await using client = await KubeMQClient.connect({ address: servers, ...limits }, { waitMs: 20_000 });
    expect(client.server).toBe(broker.address);
  }
  const error = await rejection(KubeMQClient.connect({ address: proxy.address, ...limits }));
  expect(error).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(error)).toContain(
    `the server accepted the connection and sent nothing within 60 ms (${proxy.address})`,
  );
});

test("the error of a lost connection does not suggest TLS after an earlier answer of the server", async () => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = await KubeMQClient.connect({ address: proxy.address, reconnect });
  const lost: KubeMQError[] = [];
  const subscription = client.events.subscribe({ channel: "c" });
  await subscription.ready;
  void (async () => {
    for await (const status of client.status()) if (status.type === "retry") lost.push(retryError(status));
  })();
  // From now on connections are accepted and closed before a byte of HTTP/2, as by a proxy whose
  // server restarts.
  await using closing = await BareServer.start((socket) => socket.destroy());
  proxy.retarget(closing.port);
  proxy.reset();
  await until("several attempts", () => lost.length >= 4);
  expect(lost.map((error) => error.message).filter((message) => /TLS|certificate/.test(message))).toEqual([]);
  expect(new Set(lost.map((error) => error.code))).toEqual(new Set(["UNAVAILABLE"]));
});

function retryError(status: Status & { type: "retry" }): KubeMQError {
  return status.error;
}

test("a key with a passphrase authenticates the client", async () => {
  const key = createPrivateKey(pem("client-key"))
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" })
    .toString();
  await using broker = await startBroker({ cert: pem("server"), key: pem("server-key"), ca: pem("ca") });
  const tls = { ca: pem("ca"), cert: pem("client"), key, passphrase: "open sesame" };
  await using client = await KubeMQClient.connect({ address: `localhost:${broker.port}`, tls });
  expect(client.state).toBe("ready");
});

test.each([
  ["a Map", new Map([["a", "b"]])],
  ["a Set", new Set(["a"])],
  ["an array", ["a"]],
  ["URLSearchParams", new URLSearchParams("a=b")],
  ["a string", "a=b"],
])("tags that are %s are refused", async (_what, tags) => {
  await using client = new KubeMQClient();
  const error = await rejection(client.events.publish({ channel: "c", body: "x", tags: tags as never }));
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/tags must be a plain object/),
  });
});

test("JSON.stringify of an error has its code and its message, and no stack", () => {
  const details = { operation: "queues.send", channel: "q", serverCode: 120, cause: new Error("inner") };
  const error = new KubeMQError("REJECTED_BY_SERVER", "queues.send on q: no", details);
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: {
      name: "KubeMQError",
      code: "REJECTED_BY_SERVER",
      message: "queues.send on q: no",
      retryable: false,
      operation: "queues.send",
      channel: "q",
      serverCode: 120,
    },
  });
  expect(Object.keys(error.toJSON())).not.toContain("stack");
});
