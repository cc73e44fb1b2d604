import { describe, expect, test } from "@jest/globals";
import { overConnect } from "../support/connect-streams.js";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { KubeMQClient, type ClientOptions, type ConnectionState, type Status } from "kubemq-es";
import { EventReceiveSchema, kubemq, PingResultSchema, ResultSchema } from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";
import { rejection, until, within } from "../support/until.js";

/** The connection, which the client aborts when it closes. */
let connection = new AbortController();

/** The behaviour of the server; by default a call hangs until it is cancelled. */
interface Script {
  ping?: (context: HandlerContext) => void | Promise<void>;
  send?: (context: HandlerContext) => void | Promise<void>;
  subscribe?: (context: HandlerContext) => AsyncIterable<string>;
}

const hang = (context: HandlerContext) =>
  new Promise<never>((_, reject) => {
    for (const signal of [context.signal, connection.signal])
      signal.addEventListener("abort", () => reject(new ConnectError("gone", Code.Canceled)));
  });

function world(script: Script = {}, options: ClientOptions = {}) {
  const clock = new FakeClock();
  const own = new AbortController();
  connection = own;
  const seen = { pings: 0, sends: [] as (string | null)[], subscriptions: [] as (string | null)[] };
  const transport = createRouterTransport((router) => {
    router.service(kubemq, {
      async ping(_, context) {
        seen.pings += 1;
        await (script.ping ?? (() => {}))(context);
        return create(PingResultSchema, { Host: "h", Version: "v" });
      },
      async sendEvent(event, context) {
        seen.sends.push(context.requestHeader.get("authorization"));
        await (script.send ?? (() => {}))(context);
        return create(ResultSchema, { EventID: event.EventID, Sent: true });
      },
      async *subscribeToEvents(_, context) {
        seen.subscriptions.push(context.requestHeader.get("authorization"));
        if (script.subscribe === undefined) await hang(context);
        else for await (const id of script.subscribe(context)) yield create(EventReceiveSchema, { EventID: id });
      },
    });
  });
  const client = new KubeMQClient(options, {
    transport: overConnect(transport),
    abort: () => own.abort(),
    clock,
    random: () => 1,
  });
  const statuses: Status[] = [];
  const statusEnd = (async () => {
    for await (const status of client.status()) statuses.push(status);
  })();
  const states = (): ConnectionState[] => statuses.flatMap((status) => (status.type === "state" ? [status.state] : []));
  return { clock, seen, client, statuses, statusEnd, states };
}

const event = { channel: "c", body: "x" };

describe("a unary call", () => {
  test("a call rejects with the reason of its signal, before and after its start", async () => {
    const { client, seen } = world({ send: hang, ping: hang });
    const reason = new Error("changed my mind");
    const aborted = AbortSignal.abort(reason);
    // A send goes over a stream if it can, a ping never does.
    expect(await rejection(client.events.publish(event, { signal: aborted }))).toBe(reason);
    expect(await rejection(client.ping({ signal: aborted }))).toBe(reason);
    await settle();
    expect([seen.sends.length, seen.pings]).toEqual([0, 0]);
    const stop = new AbortController();
    const calls = [client.events.publish(event, { signal: stop.signal }), client.ping({ signal: stop.signal })];
    const rejections = calls.map(rejection);
    await until("the calls are there", () => seen.sends.length === 1 && seen.pings === 1);
    stop.abort(reason);
    expect(await Promise.all(rejections)).toEqual([reason, reason]);
    await client.close();
  });

  test("a call rejects with TIMEOUT after its own time-out, or after the client's", async () => {
    const { client } = world({ send: hang }, { timeoutMs: 60 });
    expect(await rejection(client.events.publish(event))).toMatchObject({ code: "TIMEOUT", channel: "c" });
    expect(await rejection(client.events.publish(event, { timeoutMs: 20 }))).toMatchObject({ code: "TIMEOUT" });
    await client.close();
  });

  test("a lost call is not sent again, and its error is retryable", async () => {
    const { client, seen } = world({ send: () => Promise.reject(new ConnectError("gone", Code.Unavailable)) });
    expect(await rejection(client.events.publish(event))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(seen.sends.length).toBe(1);
    await client.close();
  });
});

describe("the token of calls and streams", () => {
  const refuseAllBut = (good: string) => (context: HandlerContext) => {
    const token = context.requestHeader.get("authorization");
    if (token !== good) throw new ConnectError("Error 421: authentication verification failed", Code.Unauthenticated);
  };

  test("a rotated token is fetched once for all refused calls", async () => {
    let current = "old";
    let asked = 0;
    const authToken = async () => (asked++, current);
    const script = { send: refuseAllBut("old") };
    const { client, seen } = world(script, { authToken });
    await client.events.publish(event);
    script.send = refuseAllBut("new");
    current = "new";
    await Promise.all([1, 2, 3, 4].map(() => client.events.publish(event)));
    expect(asked).toBe(2);
    expect(seen.sends.filter((token) => token === "new").length).toBe(4);
    await client.close();
  });

  test("a wrong token ends with UNAUTHENTICATED after two calls, even though pings are answered", async () => {
    let asked = 0;
    const authToken = async () => `wrong-${++asked}`;
    const { client, seen } = world({ send: refuseAllBut("good") }, { authToken });
    for (let n = 1; n <= 3; n++) {
      await client.ping();
      expect(await rejection(client.events.publish(event))).toMatchObject({
        code: "UNAUTHENTICATED",
        serverCode: 421,
        retryable: false,
      });
    }
    expect(seen.sends).toEqual(["wrong-1", "wrong-2", "wrong-3", "wrong-4"]);
    await client.close();
  });

  test("a subscription with a wrong token retries once and then throws", async () => {
    let asked = 0;
    const refuse = refuseAllBut("good");
    const { client, clock, seen } = world(
      {
        // oxlint-disable-next-line require-yield -- it is refused before its first message
        async *subscribe(context) {
          refuse(context);
        },
      },
      { authToken: () => `wrong-${++asked}` },
    );
    const subscription = client.events.subscribe({ channel: "c" });
    await until("the second attempt", async () => (await clock.advance(100), seen.subscriptions.length > 1));
    expect(await within(1000, "it ends", subscription.closed)).toMatchObject({ code: "UNAUTHENTICATED" });
    await clock.advance(60_000);
    expect(seen.subscriptions).toEqual(["wrong-1", "wrong-2"]);
    await client.close();
  });

  test("an idle subscription uses a new token after each expiry", async () => {
    let asked = 0;
    const ends: (() => void)[] = [];
    const { client, clock, seen } = world(
      {
        // oxlint-disable-next-line require-yield -- nothing is ever sent on it
        async *subscribe() {
          await new Promise<void>((resolve) => ends.push(resolve));
          throw new ConnectError("the token has run out", Code.Unauthenticated);
        },
      },
      { authToken: () => `t${++asked}` },
    );
    const subscription = client.events.subscribe({ channel: "c" });
    for (let n = 1; n <= 4; n++) {
      await until(`attempt ${n}`, () => ends.length === n);
      await clock.advance(15_000);
      ends[n - 1]?.();
      await settle();
      await clock.advance(10_000);
    }
    expect(seen.subscriptions.slice(0, 4)).toEqual(["t1", "t2", "t3", "t4"]);
    await subscription.close();
    expect(await subscription.closed).toBeUndefined();
    await client.close();
  });

  test("the time-out, the signal and close() bound a token provider that never settles", async () => {
    const { client, clock, seen } = world({}, { authToken: () => new Promise<string>(() => {}), timeoutMs: 1000 });
    const late = [rejection(client.events.publish(event)), rejection(client.ping())];
    await clock.advance(1000);
    const timeOut = expect.objectContaining({ code: "TIMEOUT" });
    expect(await within(1000, "the time-outs", Promise.all(late))).toEqual([timeOut, timeOut]);
    const stop = new AbortController();
    const stopped = rejection(client.events.publish(event, { signal: stop.signal, timeoutMs: 99_999 }));
    stop.abort("enough");
    expect(await within(1000, "the abort", stopped)).toBe("enough");
    const closed = rejection(client.events.publish(event, { timeoutMs: 99_999 }));
    const closing = client.close({ timeoutMs: 500 });
    await clock.advance(500);
    await within(1000, "the close", closing);
    expect(await within(1000, "the call", closed)).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(seen.sends).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test("occasional failures of the token provider do not end a subscription", async () => {
    let asked = 0;
    const authToken = () => (++asked < 4 ? Promise.reject(new Error("vault is sealed")) : "good");
    const { client, clock, statuses } = world({}, { authToken });
    const subscription = client.events.subscribe({ channel: "c" });
    await until("it is ready", async () => (await clock.advance(1000), client.state === "ready"));
    await clock.passUntil(subscription.ready);
    expect(statuses.filter(({ type }) => type === "retry").length).toBeGreaterThan(0);
    expect(
      await rejection(world({}, { authToken: () => Promise.reject(new Error("no")) }).client.events.publish(event)),
    ).toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringContaining("the token provider failed: no"),
    });
    await client.close();
  });

  test("no error and no status contains the token", async () => {
    const secret = "s3cr3t-t0k3n";
    const texts: string[] = [];
    const { client, statusEnd, statuses } = world(
      { send: () => Promise.reject(new ConnectError("no", Code.Unauthenticated)) },
      { authToken: secret },
    );
    const failed = await rejection(client.events.publish(event));
    for (let error: unknown = failed; error instanceof Object; error = (error as Error).cause) {
      texts.push((error as Error).message, JSON.stringify(error), (error as Error).stack ?? "");
    }
    await client.close();
    await statusEnd;
    for (const text of [
      ...texts,
      JSON.stringify(statuses, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
    ]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe("the liveness check", () => {
  test("liveness pings run only while a stream is open and silent", async () => {
    const { client, clock, seen } = world();
    await client.ping();
    await clock.advance(60_000);
    expect(seen.pings).toBe(1);
    const subscription = client.events.subscribe({ channel: "c" });
    await clock.passUntil(subscription.ready);
    const { pings } = seen;
    await clock.advance(10_000);
    expect(seen.pings).toBe(pings + 1);
    await subscription.close();
    expect(clock.timers).toBe(0);
    await clock.advance(60_000);
    expect(seen.pings).toBe(pings + 1);
    await client.close();
  });

  test("a connection that does not answer pings is closed, and its streams recover", async () => {
    let silent = false;
    const keepalive = { intervalMs: 1_000, timeoutMs: 30 };
    const { client, clock, seen } = world({ ping: (context) => (silent ? hang(context) : undefined) }, { keepalive });
    const subscription = client.events.subscribe({ channel: "c" });
    await clock.passUntil(subscription.ready);
    silent = true;
    await clock.advance(1_000);
    await until("the loss is noticed", () => client.state === "reconnecting");
    await clock.advance(100);
    await until("the stream is opened again", () => seen.subscriptions.length > 1);
    expect(seen.subscriptions.length).toBe(2);
    await client.close();
  });

  test("keepalive: false disables liveness pings", async () => {
    const { client, clock, seen } = world({}, { keepalive: false });
    const subscription = client.events.subscribe({ channel: "c" });
    await clock.passUntil(subscription.ready);
    const { pings } = seen;
    await clock.advance(600_000);
    expect(seen.pings).toBe(pings);
    await client.close();
  });
});

describe("a subscription's connection", () => {
  test("ready resolves after a ping behind the subscription, and a failed ping is repeated", async () => {
    let failing = true;
    const { client, clock, seen, states } = world({
      ping: () => (failing ? Promise.reject(new ConnectError("stream was reset", Code.Unavailable)) : undefined),
    });
    const subscription = client.events.subscribe({ channel: "c" });
    await until("the first ping", () => seen.pings === 1);
    await settle();
    expect(client.state).toBe("connecting");
    failing = false;
    await clock.advance(1000);
    await clock.passUntil(subscription.ready);
    expect(states()).toEqual(["connecting", "ready"]);
    expect(seen.subscriptions.length).toBe(1);
    await client.close();
  });

  test("a subscription has no deadline, whatever the time-out of calls", async () => {
    const { client } = world(
      {
        async *subscribe(context) {
          yield `deadline: ${context.timeoutMs()}`;
        },
      },
      { timeoutMs: 40 },
    );
    for await (const { id } of client.events.subscribe({ channel: "c" })) {
      expect(id).toBe("deadline: undefined");
      break;
    }
    await client.close();
  });

  test("a subscription ends with the loss if reconnecting is off or has failed too often", async () => {
    const down = {
      // oxlint-disable-next-line require-yield -- the server is away
      async *subscribe() {
        throw new ConnectError("down", Code.Unavailable);
      },
    };
    const once = world(down, { reconnect: false });
    expect(await once.client.events.subscribe({ channel: "c" }).closed).toMatchObject({ code: "UNAVAILABLE" });
    expect(once.seen.subscriptions.length).toBe(1);
    expect(once.client.state).toBe("idle");
    await once.client.close();

    const three = world(down, { reconnect: { maxAttempts: 3 } });
    const subscription = three.client.events.subscribe({ channel: "c" });
    await until("three attempts", async () => (await three.clock.advance(1000), three.seen.subscriptions.length === 3));
    expect(await subscription.closed).toMatchObject({ code: "UNAVAILABLE" });
    await three.clock.advance(100_000);
    expect(three.seen.subscriptions.length).toBe(3);
    expect(three.statuses.flatMap((status) => (status.type === "retry" ? [status.delayMs] : []))).toEqual([100, 200]);
    await three.client.close();
  });

  test("a stream's reconnect policy overrides the client's", async () => {
    const down = {
      // oxlint-disable-next-line require-yield -- the server is away
      async *subscribe() {
        throw new ConnectError("down", Code.Unavailable);
      },
    };
    const back = world(down, { reconnect: false });
    const subscription = back.client.events.subscribe({ channel: "c" }, { reconnect: true });
    await until("it comes back", async () => (await back.clock.advance(1000), back.seen.subscriptions.length > 2));
    await subscription.close();
    await back.client.close();
    const gone = world(down);
    expect(await gone.client.events.subscribe({ channel: "c" }, { reconnect: false }).closed).toMatchObject({
      code: "UNAVAILABLE",
    });
    await gone.client.close();
  });
});

describe("close()", () => {
  test("close() of an unused client resolves, also twice and concurrently", async () => {
    const { client, statusEnd, states, clock } = world();
    const first = client.close();
    expect(client.close()).toBe(first);
    await first;
    await client[Symbol.asyncDispose]();
    await statusEnd;
    expect(states()).toEqual(["closing", "closed"]);
    expect(client.state).toBe("closed");
    expect(clock.timers).toBe(0);
  });

  test("a closed client refuses calls by rejection and streams synchronously", async () => {
    const { client } = world();
    await client.close();
    expect(await rejection(client.ping())).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(await rejection(client.events.publish(event))).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(() => client.events.subscribe({ channel: "c" })).toThrow("events.subscribe on c: the client is closed");
    expect(() => client.events.publisher()).toThrow("events.publish: the client is closed");
    expect(() => client.queries.handle({ channel: "c" }, () => "")).toThrow(
      "queries.handle on c: the client is closed",
    );
  });

  test("close() lets a running call finish and ends loops without an error", async () => {
    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const { client, clock, seen } = world({ ping: () => finished });
    const pinging = client.ping();
    await until("the call runs", () => seen.pings === 1);
    const loop = (async () => {
      for await (const message of client.events.subscribe({ channel: "c" })) throw new Error(`got ${message.id}`);
    })();
    const closing = client.close();
    await within(1000, "the loop ends", loop);
    await clock.advance(4_999);
    expect(client.state).toBe("closing");
    expect(await rejection(client.ping())).toMatchObject({ code: "CLIENT_CLOSED" });
    finish();
    await within(1000, "the call", pinging);
    await within(1000, "the close", closing);
  });

  test("close() cancels unfinished calls after its bound", async () => {
    const { client, seen, clock } = world({ send: hang });
    const sending = rejection(client.events.publish(event, { timeoutMs: 2_000 }));
    await until("the call runs", () => seen.sends.length === 1);
    let closed = false;
    const closing = client.close({ timeoutMs: 700 }).then(() => (closed = true));
    await clock.advance(699);
    expect(closed).toBe(false);
    await clock.advance(1);
    await within(1000, "the close", closing);
    expect(await within(1000, "the call", sending)).toMatchObject({ code: "CLIENT_CLOSED" });
  });

  test.each([Infinity, 2 ** 31, Number.NaN, -5])("close() accepts any number as its bound: %d", async (timeoutMs) => {
    let finish: () => void = () => {};
    const { client, seen, clock } = world({ send: () => new Promise<void>((resolve) => (finish = resolve)) });
    const sending = client.events.publish(event, { timeoutMs: 2_000_000 }).catch((error: unknown) => error);
    await until("the call runs", () => seen.sends.length === 1);
    const closing = client.close({ timeoutMs });
    await clock.advance(0);
    if (timeoutMs > 0) {
      await clock.advance(1_000_000);
      expect(client.state).toBe("closing");
      finish();
      expect(await sending).toBeUndefined();
    } else expect(client.state).toBe("closed");
    await within(1000, "the close", closing);
    finish();
  });

  test("close() closes the connection, so that the process can exit", async () => {
    const { client } = world();
    await client.ping();
    expect(connection.signal.aborted).toBe(false);
    await client.close();
    expect(connection.signal.aborted).toBe(true);
  });

  test("close() does not wait for the client's own pings", async () => {
    const { client, seen, clock } = world({ ping: hang });
    client.events.subscribe({ channel: "c" });
    await until("the probe runs", () => seen.pings === 1);
    await within(1000, "the close", client.close());
    expect(clock.timers).toBe(0);
  });

  test("close() ends a stream that is waiting to reconnect", async () => {
    const { client, clock, seen } = world({
      // oxlint-disable-next-line require-yield -- the server is away
      async *subscribe() {
        throw new ConnectError("down", Code.Unavailable);
      },
    });
    const subscription = client.events.subscribe({ channel: "c" });
    await until("back-off", () => client.state === "reconnecting");
    await within(1000, "the close", client.close());
    expect(await subscription.closed).toBeUndefined();
    expect(clock.timers).toBe(0);
    expect(seen.subscriptions.length).toBe(1);
  });
});
