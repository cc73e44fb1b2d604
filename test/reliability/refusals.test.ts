import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError, type ClientOptions, type ErrorCode, type TlsOptions } from "kubemq-es";
import { startBroker, type BrokerOptions } from "kubemq-es/testing";
import { BareServer } from "../support/bare-server.js";
import { FakeClock } from "../support/fake-clock.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { pem, pemPath } from "../support/tls.js";
import { rejection, roundTrips, until, within } from "../support/until.js";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ca = pem("ca");
const server = (name: string): BrokerOptions => ({ cert: pem(name), key: pem(`${name}-key`) });
const client: TlsOptions = { ca, cert: pem("client"), key: pem("client-key") };
const foreignClient: TlsOptions = { ca, cert: pem("client-foreign"), key: pem("client-foreign-key") };
/** A back-off short enough for a retry storm. */
const eager = { initialDelayMs: 20, maxDelayMs: 20 };
const soon = { initialDelayMs: 1, maxDelayMs: 5 };
/** The number of attempts that a test allows, each after the longest back-off delay. */
const ATTEMPTS = 5;

/** Waits long enough for a retry storm, and lets each attempt reach the server. */
async function backOff(clock: FakeClock): Promise<void> {
  await using elsewhere = await startBroker();
  await using other = new KubeMQClient({ address: elsewhere.address });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await clock.advance(eager.maxDelayMs);
    await roundTrips(other);
  }
}

interface Row {
  readonly what: string;
  readonly broker: BrokerOptions;
  readonly options: ClientOptions;
  readonly code: ErrorCode;
  readonly says: RegExp;
  /** The reaction of a subscription: it ends at once, or retries at the pace of its back-off. */
  readonly stream: "ends" | "comes back";
}

const rows: readonly Row[] = [
  {
    what: "a certificate of an unknown authority",
    broker: server("server"),
    options: { tls: true },
    code: "UNAUTHENTICATED",
    says: /the server's certificate comes from an unknown authority/,
    stream: "ends",
  },
  {
    what: "a certificate of another authority than the one given",
    broker: server("server"),
    options: { tls: { ca: pem("foreign-ca") } },
    code: "UNAUTHENTICATED",
    says: /the server's certificate comes from an unknown authority/,
    stream: "ends",
  },
  {
    what: "an expired certificate",
    broker: server("server-expired"),
    options: { tls: { ca } },
    code: "UNAUTHENTICATED",
    says: /the server's certificate has expired/,
    stream: "ends",
  },
  {
    what: "a certificate for another name",
    broker: server("server-elsewhere"),
    options: { tls: { ca } },
    code: "UNAUTHENTICATED",
    says: /the server's certificate is for another name: .*IP: 127\.0\.0\.1 is not/,
    stream: "ends",
  },
  {
    what: "a name that was asked for and is not the server's",
    broker: server("server"),
    options: { tls: { ca, serverName: "elsewhere.example" } },
    code: "UNAUTHENTICATED",
    says: /the server's certificate is for another name/,
    stream: "ends",
  },
  {
    what: "no client certificate, though the server asks for one",
    broker: { ...server("server"), ca },
    options: { tls: { ca } },
    code: "UNAUTHENTICATED",
    says: /the server asks for a client certificate/,
    stream: "ends",
  },
  {
    what: "a client certificate of a foreign authority",
    broker: { ...server("server"), ca },
    options: { tls: foreignClient },
    code: "UNAVAILABLE", // Node.js servers close the connection without a TLS alert
    says: /closed before the server spoke HTTP\/2, it may .* refuse this client's certificate/,
    stream: "comes back",
  },
  {
    what: "TLS to a port that speaks plain text",
    broker: {},
    options: { tls: { ca } },
    code: "UNAVAILABLE",
    says: /the server does not speak TLS on this port/,
    stream: "comes back",
  },
  {
    what: "plain text to a port that speaks TLS",
    broker: server("server"),
    options: { tls: false },
    code: "UNAVAILABLE",
    says: /closed before the server spoke HTTP\/2, it may want TLS/,
    stream: "comes back",
  },
  {
    what: "a wrong token",
    broker: { token: "right" },
    options: { authToken: "wrong" },
    code: "UNAUTHENTICATED",
    says: /authentication verification failed/,
    stream: "ends",
  },
  {
    what: "no token",
    broker: { token: "right" },
    options: {},
    code: "UNAUTHENTICATED",
    says: /no token was sent/,
    stream: "ends",
  },
];

describe("servers that refuse or do not speak gRPC", () => {
  test.each(rows)("$what: $code", async ({ broker: brokerOptions, options, code, says, stream }) => {
    const calls: string[] = [];
    await using broker = await startBroker({ ...brokerOptions, onCall: (rpc) => void calls.push(rpc) });
    await using proxy = await TcpProxy.start(broker.port);
    const address = proxy.address;
    const clock = new FakeClock();
    await using one = new KubeMQClient({ address, reconnect: eager, ...options }, { clock });

    // A call: one attempt, the exact code, and a message that names the cause.
    const failed = await within(5000, "the call fails", rejection(one.events.publish({ channel: "c", body: "x" })));
    expect(failed).toMatchObject({
      code,
      operation: "events.publish",
      channel: "c",
      message: expect.stringMatching(says),
    });
    expect(failed).toMatchObject({ retryable: stream === "comes back" });
    expect(one.state).toBe(code === "UNAUTHENTICATED" && brokerOptions.token !== undefined ? one.state : "idle");
    const forCall = brokerOptions.token === undefined ? proxy.accepted : calls.length;
    expect(forCall).toBe(1);

    // A stream: the same error if it is final, without a storm; otherwise it retries at the pace of
    // its back-off.
    const subscription = one.events.subscribe({ channel: "c" });
    if (stream === "ends") {
      const seen = rejection(
        (async () => {
          for await (const event of subscription) throw new Error(`got ${event.id}`);
        })(),
      );
      expect(await within(5000, "the loop throws", seen)).toMatchObject({ code, message: expect.stringMatching(says) });
      await backOff(clock);
      const forStream =
        brokerOptions.token === undefined
          ? proxy.accepted - 1
          : calls.filter((rpc) => rpc === "SubscribeToEvents").length;
      expect(forStream).toBeGreaterThanOrEqual(1);
      expect(forStream).toBeLessThanOrEqual(2); // the stream, and the ping behind it
    } else {
      let delays = 0;
      await until("it tries again and again", async () => {
        await clock.advance(eager.maxDelayMs);
        delays += 1;
        return proxy.accepted > ATTEMPTS;
      });
      await subscription.close();
      // The call, the first attempt, and at most one after each delay, each attempt with the ping
      // behind it.
      expect(proxy.accepted).toBeLessThanOrEqual(1 + 2 * (1 + delays));
    }
  });

  test("a refused connection is reported as UNAVAILABLE in a plain process", async () => {
    await using broker = await startBroker();
    await using proxy = await TcpProxy.start(broker.port);
    proxy.refuse();
    await using one = new KubeMQClient({ address: proxy.address, reconnect: eager });
    const failed = await rejection(one.ping());
    expect(failed).toMatchObject({
      code: "UNAVAILABLE",
      retryable: true,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(KubeMQError.is(failed, "UNAVAILABLE")).toBe(true);
    const subscription = one.events.subscribe({ channel: "c" });
    await until("it waits to come back", () => one.state === "reconnecting");
    await proxy.accept();
    await within(5000, "it comes back", subscription.ready);
    expect(one.state).toBe("ready");
  });

  test("an unknown host is reported as UNAVAILABLE, also by connect()", async () => {
    const failed = await within(
      15_000,
      "connect() fails",
      rejection(KubeMQClient.connect({ address: "no-such-host.invalid:50000" })),
    );
    expect(failed).toMatchObject({ code: "UNAVAILABLE", message: expect.stringMatching(/no-such-host\.invalid/) });
  }, 20_000);

  test("a silent port is bounded by the time-outs of call and connection", async () => {
    await using silent = await BareServer.start();
    const { address } = silent;
    await using one = new KubeMQClient({ address, timeoutMs: 150 });
    expect(await within(5000, "the call", rejection(one.ping()))).toMatchObject({ code: "TIMEOUT" });
    await using two = new KubeMQClient({ address: `https://${address}`, connectTimeoutMs: 150, timeoutMs: 60_000 });
    expect(await within(5000, "the connection", rejection(two.ping()))).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/no connection .* within 150 ms/),
    });
  });

  test("a port of another service", async () => {
    await using web = await BareServer.start((socket) =>
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    );
    await using one = new KubeMQClient({ address: web.address });
    expect(await within(5000, "the call", rejection(one.ping()))).toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("working TLS configurations", () => {
  test.each<[string, BrokerOptions, TlsOptions]>([
    ["an authority that was given", server("server"), { ca }],
    [
      "the paths of PEM files",
      { ...server("server"), ca },
      { ca: pemPath("ca"), cert: pemPath("client"), key: pemPath("client-key") },
    ],
    [
      "bytes",
      { ...server("server"), ca },
      { ca: Buffer.from(ca), cert: Buffer.from(client.cert ?? ""), key: pem("client-key") },
    ],
    ["another name", server("server-elsewhere"), { ca, serverName: "elsewhere.example" }],
    ["no verification, when told so", server("server-expired"), { rejectUnauthorized: false }],
  ])("%s", async (_, brokerOptions, tls) => {
    await using broker = await startBroker(brokerOptions);
    await using one = await KubeMQClient.connect({ address: broker.address, tls });
    expect(one.state).toBe("ready");
    await using two = await KubeMQClient.connect({ address: `https://${broker.address}`, tls });
    expect(two.state).toBe("ready");
  });

  test("certificates given as paths are read again for each new connection", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kubemq-es-tls-"));
    try {
      const path = (name: string) => join(folder, `${name}.pem`);
      const use = async (name: string) => {
        await copyFile(pemPath(name), path("cert"));
        await copyFile(pemPath(`${name}-key`), path("key"));
      };
      await use("client");
      await using broker = await startBroker({ ...server("server"), ca });
      await using one = await KubeMQClient.connect({
        address: broker.address,
        tls: { ca, cert: path("cert"), key: path("key") },
      });
      await use("client-foreign");
      await one.ping(); // the connection stays open
      await broker.faults.dropConnections();
      expect(await rejection(one.ping())).toMatchObject({ code: "UNAVAILABLE" });
      // Files may be missing while they are replaced: that must not be final.
      await rm(path("cert"));
      expect(await rejection(one.ping())).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      await use("client");
      await one.ping();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("a loop continues after the authority of a renewed certificate has reached its client", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kubemq-es-ca-"));
  try {
    const path = join(folder, "ca.pem");
    await copyFile(pemPath("ca"), path);
    await using broker = await startBroker(server("server"));
    await using one = await KubeMQClient.connect({ address: broker.address, tls: { ca: path }, reconnect: soon });
    const subscription = one.events.subscribe({ channel: "c" });
    const events = subscription[Symbol.asyncIterator]();
    await subscription.ready;
    await one.events.publish({ channel: "c", body: "x" });
    await events.next(); // the stream has worked

    await copyFile(pemPath("foreign-ca"), path);
    const seen: string[] = [];
    const statuses = one.status();
    void subscription.closed.then(() => one.close()); // ends the statuses
    await broker.faults.dropConnections();
    for await (const status of statuses) {
      if (status.type === "retry") seen.push(status.error.code);
      if (seen.length >= 4) await copyFile(pemPath("ca"), path);
      if (status.type === "resumed") break;
    }
    expect(seen).toContain("UNAUTHENTICATED");
    await one.events.publish({ channel: "c", body: "again" });
    expect((await events.next()).value?.text()).toBe("again");
    // A stream that has never worked ends: its options may be wrong.
    await copyFile(pemPath("foreign-ca"), path);
    await using two = new KubeMQClient({ address: broker.address, tls: { ca: path }, reconnect: soon });
    expect(await two.events.subscribe({ channel: "c" }).closed).toMatchObject({ code: "UNAUTHENTICATED" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe("rotating tokens", () => {
  test("a rotated token is requested once, and calls and streams continue", async () => {
    const calls: string[] = [];
    await using broker = await startBroker({ token: "t1", onCall: (rpc) => void calls.push(rpc) });
    let current = "t1";
    let asked = 0;
    const authToken = async () => (asked++, current);
    await using one = await KubeMQClient.connect({ address: broker.address, authToken, reconnect: eager });
    const subscription = one.events.subscribe({ channel: "c" });
    await subscription.ready;
    const received = subscription[Symbol.asyncIterator]();
    expect(asked).toBe(1);

    current = "t2";
    broker.setToken("t2");
    await broker.faults.dropConnections();
    await until("the stream is back", () => (broker.stats().streams["SubscribeToEvents"] ?? 0) === 1 && asked === 2);
    const first = received.next();
    await Promise.all(Array.from({ length: 20 }, () => one.events.publish({ channel: "c", body: "x" })));
    expect((await first).done).toBe(false);
    expect(asked).toBe(2);
    expect(calls.filter((rpc) => rpc === "SubscribeToEvents").length).toBe(3); // t1, t1 refused, t2
  });

  test("a static token that the server no longer accepts ends the loop once, without repeated attempts", async () => {
    const calls: string[] = [];
    await using broker = await startBroker({ token: "t1", onCall: (rpc) => void calls.push(rpc) });
    const clock = new FakeClock();
    const options = { address: broker.address, authToken: "t1", reconnect: eager };
    await using one = new KubeMQClient(options, { clock });
    const subscription = one.events.subscribe({ channel: "c" });
    await clock.passUntil(subscription.ready);
    broker.setToken("t2");
    await broker.faults.dropConnections();
    let end: unknown;
    void subscription.closed.then((error) => (end = error));
    await until("it ends", async () => {
      await clock.advance(eager.maxDelayMs);
      return end !== undefined;
    });
    expect(end).toMatchObject({ code: "UNAUTHENTICATED" });
    await backOff(clock);
    expect(calls.filter((rpc) => rpc === "SubscribeToEvents").length).toBe(2);
  });

  test("a token provider is called once more after a refusal and then not again, even while pings succeed", async () => {
    const calls: string[] = [];
    await using broker = await startBroker({ token: "right", onCall: (rpc) => void calls.push(rpc) });
    let asked = 0;
    const authToken = () => `wrong-${++asked}`;
    const clock = new FakeClock();
    await using one = new KubeMQClient({ address: broker.address, authToken, reconnect: eager }, { clock });
    const subscription = one.events.subscribe({ channel: "c" });
    let end: unknown;
    void subscription.closed.then((error) => (end = error));
    await until("it ends", async () => {
      await clock.advance(eager.maxDelayMs);
      return end !== undefined;
    });
    expect(end).toMatchObject({ code: "UNAUTHENTICATED" });
    await backOff(clock);
    expect(asked).toBe(2);
    expect(calls.filter((rpc) => rpc === "SubscribeToEvents").length).toBe(2);
  });
});
