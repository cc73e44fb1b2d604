import { afterAll, describe, expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError, type Observer, queue, query, store, text } from "kubemq-es";

// Nothing listens there: every call is refused before it is sent.
const unreachable = { address: "localhost:1", reconnect: false } as const;
const observer: Observer = {
  begin: () => ({ carry: (tags) => ({ ...tags }), run: (work) => work(), end: () => {} }),
};
const clients = {
  plain: new KubeMQClient(unreachable),
  observed: new KubeMQClient({ ...unreachable, telemetry: { observe: () => observer } }),
};
afterAll(() => Promise.all(Object.values(clients).map((client) => client.close())));

/** A method as plain JavaScript calls it, where no compiler looks at the arguments. */
type Untyped = (...given: unknown[]) => unknown;

const handler = () => {};
const message = { channel: "c", body: "x" };
const from = { channel: "c" };
const start = { from: "first" };
const jobs = queue("c", text);
const stored = store("c", text);
const even = queue("c", {
  encode(value: number) {
    if (value % 2 === 0) return new Uint8Array([value]);
    throw new Error(`${value} is odd`);
  },
  decode: ([value = 0]) => value,
});
const price = query("c", { request: text, response: text });

/** Calls a method by its name, such as `queues.send` or `queues.publisher().send`. */
function method(client: KubeMQClient, name: string): Untyped {
  let owner: unknown = client;
  let member: unknown = client;
  for (const part of name.split(".")) {
    owner = member;
    const called = part.endsWith("()");
    member = (owner as Record<string, unknown>)[called ? part.slice(0, -2) : part];
    if (called) member = (member as Untyped).call(owner);
  }
  return (...given) => (member as Untyped).apply(owner, given);
}

const returned = Symbol("returned");

async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return returned;
}

/** The operation and the message of a refusal. */
async function refusalOf(call: () => unknown) {
  const error = await errorOf(call);
  if (!KubeMQError.is(error, "INVALID_ARGUMENT")) throw new Error(`not refused: ${String(error)}`, { cause: error });
  const { operation, message } = error;
  return { operation, message };
}

const refusal = (operation: string, says: string) => ({ operation, message: expect.stringContaining(says) });

/** Values where an object is expected, with their names in errors. */
const NO_OBJECTS: readonly (readonly [unknown, string])[] = [
  [null, "got null"],
  [undefined, "got undefined"],
  [5, "got a number"],
  ["orders", "got a string"],
  [[message], "got an array"],
];

/** The methods, what their first argument is called, and their operation where it has another name. */
const FIRST: readonly (readonly [name: string, noun: string, rest: readonly unknown[], operation?: string])[] = [
  ["events.publish", "message", []],
  ["events.publisher().publish", "message", [], "events.publish"],
  ["events.subscribe", "request", []],
  ["eventsStore.publish", "message", []],
  ["eventsStore.publisher().publish", "message", [], "eventsStore.publish"],
  ["eventsStore.subscribe", "request", []],
  ["eventsStore.replay", "request", []],
  ["commands.send", "message", []],
  ["commands.subscribe", "request", []],
  ["commands.handle", "request", [handler]],
  ["queries.send", "message", []],
  ["queries.subscribe", "request", []],
  ["queries.handle", "request", [handler]],
  ["queues.send", "message", []],
  ["queues.publisher().send", "message", [], "queues.publisher"],
  ["queues.receive", "request", []],
  ["queues.peek", "request", []],
  ["queues.ackAll", "request", []],
  ["queues.consume", "request", []],
  ["queues.consumeBatches", "request", []],
  ["queues.process", "request", [handler]],
];

/** The methods that take several messages. */
const SEVERAL: readonly (readonly [name: string, expected: string, operation?: string])[] = [
  ["queues.sendBatch", "messages must be an array of messages"],
  ["queues.publisher().sendBatch", "messages must be an array of messages", "queues.publisher"],
  ["queues.publisher().sendAll", "messages must be an iterable of messages", "queues.publisher"],
  ["events.publisher().publishAll", "messages must be an iterable of messages", "events.publish"],
  ["eventsStore.publisher().publishAll", "messages must be an iterable of messages", "eventsStore.publish"],
];

/** Every numeric option of a method, as a call with the option. */
const NUMBERS: readonly (readonly [name: string, before: readonly unknown[], option: string, operation?: string])[] = [
  ["events.publish", [message, "o"], "timeoutMs"],
  ["eventsStore.replay", [{ ...from, start, quietMs: "o" }], "quietMs"],
  ["eventsStore.subscribe", [{ ...from, start: { from: "timeDelta", seconds: "o" } }], "start.seconds"],
  ["commands.send", [message, "o"], "timeoutMs"],
  ["commands.handle", [from, handler, "o"], "concurrency"],
  ["commands.handle", [from, handler, "o"], "drainTimeoutMs"],
  ["queries.send", [{ ...message, cache: { key: "k", ttlSeconds: "o" } }], "cache.ttlSeconds"],
  ["queries.handle", [from, handler, "o"], "concurrency"],
  ["queues.send", [message, "o"], "timeoutMs"],
  ["queues.send", [{ ...message, policy: { delaySeconds: "o" } }], "policy.delaySeconds"],
  ["queues.send", [{ ...message, policy: { expirationSeconds: "o" } }], "policy.expirationSeconds"],
  ["queues.publisher", [{ ordered: false, maxInFlight: "o" }], "maxInFlight"],
  ["queues.receive", [{ ...from, max: "o" }], "max"],
  ["queues.receive", [{ ...from, waitSeconds: "o" }], "waitSeconds"],
  ["queues.receive", [from, "o"], "timeoutMs"],
  ["queues.ackAll", [{ ...from, waitSeconds: "o" }], "waitSeconds"],
  ["queues.consume", [{ ...from, prefetch: "o" }], "prefetch"],
  ["queues.consume", [{ ...from, visibilitySeconds: "o" }], "visibilitySeconds"],
  ["queues.consumeBatches", [{ ...from, max: "o" }], "max"],
  ["queues.consumeBatches", [{ ...from, max: 1, waitSeconds: "o" }], "waitSeconds"],
  ["queues.process", [{ ...from, prefetch: "o" }, handler], "prefetch"],
  ["queues.process", [from, handler, "o"], "concurrency"],
  ["queues.process", [from, handler, { retry: { maxAttempts: "o", exhausted: "drop" } }], "retry.maxAttempts"],
  ["queues.process", [from, handler, { retry: { delay: { initialDelayMs: "o" } } }], "retry.delay.initialDelayMs"],
  ["queues.process", [from, handler, { retry: { delay: { maxDelayMs: "o" } } }], "retry.delay.maxDelayMs"],
  ["queues.process", [from, handler, { retry: { delay: { jitter: "o" } } }], "retry.delay.jitter"],
  ["queues.process", [from, handler, { retry: { delay: "o" } }], "retry.delay"],
  ["ping", ["o"], "timeoutMs", "client.ping"],
];

/** Puts the value in the place of "o". Where options belong, the option has the value. */
function placed(given: unknown, option: string, value: unknown, top = true): unknown {
  if (given === "o") return top ? { [option]: value } : value;
  if (typeof given !== "object" || given === null) return given;
  return Object.fromEntries(Object.entries(given).map(([name, part]) => [name, placed(part, option, value, false)]));
}

/** The methods that take options, with the arguments before the options. */
const OPTIONS: readonly (readonly [name: string, before: readonly unknown[], operation?: string])[] = [
  ["events.publish", [message]],
  ["events.publisher", [], "events.publish"],
  ["events.publisher().publishAll", [[]], "events.publish"],
  ["events.subscribe", [from]],
  ["eventsStore.publish", [message]],
  ["eventsStore.publish", [stored, "x"]],
  ["eventsStore.publisher", [], "eventsStore.publish"],
  ["eventsStore.publisher().publishAll", [stored, []], "eventsStore.publish"],
  ["eventsStore.subscribe", [{ ...from, start }]],
  ["eventsStore.replay", [{ ...from, start }]],
  ["commands.send", [message]],
  ["commands.subscribe", [from]],
  ["commands.handle", [from, handler]],
  ["queries.send", [message]],
  ["queries.send", [price, "x"]],
  ["queries.subscribe", [from]],
  ["queries.handle", [from, handler]],
  ["queries.handle", [price, handler]],
  ["queues.send", [message]],
  ["queues.send", [jobs, "x"]],
  ["queues.sendBatch", [[message]]],
  ["queues.sendBatch", [jobs, ["x"]]],
  ["queues.publisher", []],
  ["queues.publisher().sendAll", [[]], "queues.publisher"],
  ["queues.receive", [from]],
  ["queues.receive", [jobs]],
  ["queues.peek", [from]],
  ["queues.ackAll", [from]],
  ["queues.consume", [from]],
  ["queues.consume", [jobs]],
  ["queues.consumeBatches", [{ ...from, max: 5 }]],
  ["queues.process", [from, handler]],
  ["queues.process", [jobs, handler]],
  ["queues.info", ["c"]],
  ["channels.create", ["queues", "c"]],
  ["channels.delete", ["queues", "c"]],
  ["channels.list", ["queues", "c"]],
  ["ping", [], "client.ping"],
  ["status", [], "client.status"],
];

describe.each(Object.entries(clients))("of a client that is %s", (_, client) => {
  test.each(FIRST)("%s refuses a %s that is no object", async (name, noun, rest, operation = name) => {
    for (const [value, got] of NO_OBJECTS) {
      if (name === "queues.publisher().send" && Array.isArray(value)) continue; // a batch
      const says = `${noun} must be an object, ${got}`;
      expect(await refusalOf(() => method(client, name)(value, ...rest))).toEqual(refusal(operation, says));
    }
  });

  test.each(SEVERAL)("%s refuses what has no messages: %s", async (name, expected, operation = name) => {
    const isList = expected.includes("array");
    const values = [...NO_OBJECTS.filter(([value]) => !Array.isArray(value)), [message, "got an object"] as const];
    if (isList) values.push([new Set([message]), "got a Set"]);
    for (const [value, got] of values) {
      expect(await refusalOf(() => method(client, name)(value))).toEqual(refusal(operation, `${expected}, ${got}`));
    }
    if (!isList && operation !== "queues.publisher") return;
    for (const [value, got] of values) {
      const says = `${expected.replaceAll("messages", "values")}, ${got}`;
      expect(await refusalOf(() => method(client, name)(jobs, value))).toEqual(refusal(operation, says));
    }
  });

  test.each(SEVERAL)("%s names the message that is no object by its index", async (name, _, operation = name) => {
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the case under test
    const hole = [message, , message];
    for (const [value, got] of NO_OBJECTS.slice(0, -1)) {
      const says = `message at index 1: message must be an object, ${got}`;
      expect(await refusalOf(() => method(client, name)([message, value]))).toEqual(refusal(operation, says));
    }
    const says = "message at index 1: message must be an object, got undefined";
    expect(await refusalOf(() => method(client, name)(hole))).toEqual(refusal(operation, says));
  });

  test.each(OPTIONS)("%s refuses options that are no object, and a signal that is none", async (...given) => {
    const [name, before, operation = name] = given;
    for (const [value, got] of NO_OBJECTS) {
      // A value behind a message of a publisher is ignored unless it is an object: `map(publisher.send)`.
      if (value === undefined) continue;
      const says = `options must be an object, ${got}`;
      expect(await refusalOf(() => method(client, name)(...before, value))).toEqual(refusal(operation, says));
    }
    for (const signal of [{}, null, "stop", new AbortController()]) {
      const says = "signal must be an AbortSignal, got ";
      expect(await refusalOf(() => method(client, name)(...before, { signal }))).toEqual(refusal(operation, says));
    }
  });

  test.each(NUMBERS)("%s(%j) refuses null and a string for the number %s", async (...given) => {
    const [name, before, option, operation = name] = given;
    for (const value of [null, "5"]) {
      const call = () => method(client, name)(...before.map((part) => placed(part, option, value)));
      expect(await refusalOf(call)).toEqual(refusal(operation, `${option} must be a`));
    }
  });

  test.each(SEVERAL)("%s names the message that it refuses by its index", async (name, _, operation = name) => {
    const send = method(client, name);
    const wrong = { channel: "", body: "x" };
    const says = 'message at index 1: channel must be a non-empty string, got ""';
    expect(await refusalOf(() => send([message, wrong]))).toEqual(refusal(operation, says));
    if (!operation.startsWith("queues.")) return;
    const error = await errorOf(() => method(client, name)(even, [3]));
    expect(error).toMatchObject({ code: "ENCODE_FAILED", operation, channel: "c" });
    expect((error as Error).message).toBe("message at index 0: codec cannot encode the body: 3 is odd");
  });

  test("arguments in the form of other clients are refused with the form of this one", async () => {
    const publish = method(client, "events.publish");
    const subscribe = method(client, "events.subscribe");
    const cases: readonly (readonly [call: () => unknown, operation: string, says: string])[] = [
      [() => publish("c", "x"), "events.publish", "got a string: pass { channel, body }"],
      [() => subscribe("c", handler), "events.subscribe", "got a string: pass { channel }"],
      [() => subscribe(from, handler), "events.subscribe", "got a function: await the promise, or read with for await"],
      [
        () => publish({ ...message, body: { a: 1 } }),
        "events.publish",
        "or come with a codec such as json(), got Object",
      ],
    ];
    for (const [call, operation, says] of cases) expect(await refusalOf(call)).toEqual(refusal(operation, says));
    for (const [value, got] of [
      [undefined, "undefined"],
      ["first", '"first"'],
      [{ at: 3 }, "no from"],
      [{ from: "start" }, 'from: "start"'],
    ] as const) {
      const read = () => method(client, "eventsStore.subscribe")({ ...from, start: value });
      expect(await refusalOf(read)).toEqual(refusal("eventsStore.subscribe", `"timeDelta" }, got ${got}`));
    }
  });

  test("a message is refused for a part that is no object, and named by the part", async () => {
    for (const value of [null, 5, [5]]) {
      const sent = (part: string) => () => client.queries.send({ ...message, [part]: value } as never);
      expect(await refusalOf(sent("cache"))).toEqual(refusal("queries.send", "cache must be an object"));
      expect(await refusalOf(sent("tags"))).toEqual(refusal("queries.send", "tags must be a plain object"));
      const policy = () => client.queues.send({ ...message, policy: value } as never);
      expect(await refusalOf(policy)).toEqual(refusal("queues.send", "policy must be an object"));
    }
  });

  test("half a surrogate pair, which would be sent as U+FFFD, is refused in names and tags", async () => {
    const half = "\ud83d";
    const cases = [
      [{ channel: half }, "channel must be well-formed Unicode"],
      [{ id: `a${half}` }, "id must be well-formed Unicode"],
      [{ tags: { [half]: "x" } }, "must be well-formed Unicode"],
      [{ tags: { key: `${half}x` } }, 'tag "key" must be well-formed Unicode'],
    ] as const;
    for (const [part, says] of cases) {
      expect(await refusalOf(() => client.queues.send({ ...message, ...part }))).toEqual(refusal("queues.send", says));
      expect(await refusalOf(() => client.commands.send({ ...message, ...part }))).toEqual(
        refusal("commands.send", says),
      );
    }
    const subscribed = () => client.events.subscribe({ channel: `a.*.${half}` });
    expect(await refusalOf(subscribed)).toEqual(refusal("events.subscribe", "channel must be well-formed Unicode"));
  });

  test("a channel or a group whose line would end a connection of the server is refused", async () => {
    const channel = "c".repeat(3_001);
    const group = "é".repeat(501);
    for (const name of ["events.publish", "commands.send", "queries.send"]) {
      const says = "channel must not have more than 3000 bytes, has 3001";
      expect(await refusalOf(() => method(client, name)({ channel, body: "x" }))).toEqual(refusal(name, says));
    }
    for (const name of ["events.subscribe", "eventsStore.subscribe", "queries.subscribe"]) {
      const says = "group must not have more than 1000 bytes, has 1002";
      const request = name.startsWith("eventsStore") ? { channel: "c", group, start } : { channel: "c", group };
      expect(await refusalOf(() => method(client, name)(request))).toEqual(refusal(name, says));
    }
  });

  test("connect refuses options that are no object, and a signal that is none", async () => {
    const connect = method(KubeMQClient as never, "connect");
    expect(await refusalOf(() => connect(unreachable, null))).toEqual(
      refusal("client.connect", "options must be an object, got null"),
    );
    expect(await refusalOf(() => connect(unreachable, { signal: {} }))).toEqual(
      refusal("client.connect", "signal must be an AbortSignal"),
    );
  });
});

test.each([[null], [5], [{ signal: {} }], [{ signal: null }], [{ timeoutMs: null }], [{ timeoutMs: "soon" }]])(
  "close(%j) closes the client like close()",
  async (options) => {
    const client = new KubeMQClient(unreachable);
    await client.close(options as never);
    expect(client.state).toBe("closed");
  },
);
