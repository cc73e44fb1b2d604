import { afterAll, expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError, queue, query, text } from "kubemq-es";
import { openTelemetry } from "kubemq-es/opentelemetry";
import { startBroker } from "kubemq-es/testing";

// Nothing listens there: every call is refused before it is sent.
const client = new KubeMQClient({ address: "localhost:1", reconnect: false });
afterAll(() => client.close());

/** Options as JavaScript gives them, where no compiler looks. */
const untyped = (options: object): never => options as never;
const handler = () => {};

test.each<[string, () => unknown, string]>([
  ["consume", () => client.queues.consume(untyped({ channel: "q", prefech: 8 })), "prefetch"],
  ["consume, its stream", () => client.queues.consume({ channel: "q" }, untyped({ singal: undefined })), "signal"],
  [
    "consumeBatches",
    () => client.queues.consumeBatches(untyped({ channel: "q", max: 1, waitseconds: 5 })),
    "waitSeconds",
  ],
  ["process", () => client.queues.process({ channel: "q" }, handler, untyped({ concurency: 8 })), "concurrency"],
  [
    "process, its retries",
    () => client.queues.process({ channel: "q" }, handler, { retry: untyped({ maxAttempt: 3, exhausted: "drop" }) }),
    "retry.maxAttempts",
  ],
  [
    "process, the delay of its retries",
    () => client.queues.process({ channel: "q" }, handler, { retry: { delay: untyped({ initialDelay: 5 }) } }),
    "retry.delay.initialDelayMs",
  ],
  ["commands.handle", () => client.commands.handle(untyped({ channel: "c", grup: "g" }), handler), "group"],
  [
    "queries.subscribe",
    () => client.queries.subscribe({ channel: "c" }, untyped({ unansweredd: "leave" })),
    "unanswered",
  ],
  ["events.subscribe", () => client.events.subscribe(untyped({ channel: "e", groups: "g" })), "group"],
  [
    "eventsStore.subscribe",
    () => client.eventsStore.subscribe(untyped({ channel: "s", start: { from: "new" }, codecs: undefined })),
    "codec",
  ],
  [
    "eventsStore.replay",
    () => client.eventsStore.replay(untyped({ channel: "s", start: { from: "first" }, quiteMs: 5 })),
    "quietMs",
  ],
])("a misspelt option of %s is refused with the name that was meant", (_, call, meant) => {
  let refused: unknown;
  try {
    call();
  } catch (error) {
    refused = error;
  }
  expect(KubeMQError.is(refused, "INVALID_ARGUMENT") && refused.message).toContain(`did you mean "${meant}"?`);
});

test.each([
  ["policy.delaySeconds", { delay: 5 }],
  ["policy.deadLetter.maxReceiveCount", { deadLetter: { queue: "dead", maxReceive: 3 } }],
])("a misspelt member of a message's policy is refused: %s is meant", async (meant, policy) => {
  const sent = client.queues.send({ channel: "q", body: "x", policy: untyped(policy) });
  await expect(sent).rejects.toMatchObject({ code: "INVALID_ARGUMENT", channel: "q" });
  await expect(sent).rejects.toThrow(`did you mean "${meant}"?`);
});

/** What a call was refused for: thrown, or the reason of its rejection. */
async function refusalOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return KubeMQError.is(error, "INVALID_ARGUMENT") ? error.message : `not refused: ${String(error)}`;
  }
  return "not refused";
}

const message = { channel: "c", body: "x" };
const events = client.events.publisher();
const stored = client.eventsStore.publisher();
const jobs = client.queues.publisher();

const job = queue("c", text);
const price = query("c", { request: text, response: text });

test.each<[string, () => unknown, string]>([
  ["events", () => client.events.publish(untyped({ chanel: "c", body: "x" })), 'did you mean "channel"?'],
  ["stored events", () => client.eventsStore.publish(untyped({ ...message, tag: {} })), 'did you mean "tags"?'],
  ["a publisher of events", () => events.publish(untyped({ ...message, metaData: "" })), 'mean "metadata"?'],
  ["an iterable of events", () => stored.publishAll([untyped({ channel: "c", bdy: "x" })]), 'mean "body"?'],
  ["queues", () => client.queues.send(untyped({ ...message, delaySeconds: 5 })), "delaySeconds belongs in policy"],
  [
    "queues, misspelt and misplaced",
    () => client.queues.send(untyped({ ...message, delay: 5 })),
    'did you mean "delaySeconds", which belongs in policy?',
  ],
  ["a batch", () => client.queues.sendBatch([message, untyped({ ...message, polcy: {} })]), 'mean "policy"?'],
  ["a publisher of queues", () => jobs.send(untyped({ ...message, polices: {} })), 'mean "policy"?'],
  ["an iterable of messages", () => jobs.sendAll([untyped({ ...message, deadLetter: {} })]), "belongs in policy"],
  ["a policy", () => client.queues.send({ ...message, policy: untyped({ maxReceiveCount: 3 }) }), "policy.deadLetter"],
  ["commands", () => client.commands.send(untyped({ ...message, timeoutMs: 5 })), "timeoutMs belongs in the options"],
  ["queries", () => client.queries.send(untyped({ ...message, ttlSeconds: 5 })), "ttlSeconds belongs in cache"],
  ["a cache", () => client.queries.send({ ...message, cache: untyped({ key: "k", ttl: 5 }) }), '"cache.ttlSeconds"?'],
  ["an array", () => client.queues.send(untyped([message])), "message must be an object, got an array"],
  ["nothing", () => client.queues.send(untyped(undefined as never)), "message must be an object, got undefined"],
  ["a contract's details", () => job.message("x", untyped({ delaySeconds: 5 })), "delaySeconds belongs in policy"],
  ["a contract's reply", () => price.reply("x", untyped({ tag: {} })), 'mean "tags"?'],
])("a misspelt or misplaced property of a message is refused with its name or its place: %s", async (_, call, says) => {
  expect(await refusalOf(call)).toContain(says);
});

const signal = new AbortController().signal;

test.each<[string, () => unknown, string]>([
  ["events.publish", () => client.events.publish(message, untyped({ timeout: 5 })), 'mean "timeoutMs"?'],
  ["queues.send", () => client.queues.send(message, untyped({ timeout: 5 })), 'mean "timeoutMs"?'],
  ["queues.send", () => client.queues.send(message, untyped({ delaySeconds: 5 })), "belongs in policy of the message"],
  ["queues.sendBatch", () => client.queues.sendBatch([message], untyped({ tags: {} })), "tags belongs in the message"],
  ["a signal as options", () => client.queues.send(message, untyped(signal)), "pass it as { signal }"],
  ["queues.receive", () => client.queues.receive(untyped({ channel: "c", timeoutMs: 5 })), "the second argument"],
  ["queues.receive", () => client.queues.receive({ channel: "c" }, untyped({ max: 5 })), "max belongs in the request"],
  ["queues.ackAll", () => client.queues.ackAll(untyped({ channel: "c", wait: 5 })), 'mean "waitSeconds"?'],
  ["queues.ackAll", () => client.queues.ackAll({ channel: "c" }, untyped({ singal: 5 })), 'mean "signal"?'],
  ["queues.info", () => client.queues.info("c", untyped({ timeout: 5 })), 'mean "timeoutMs"?'],
  ["queues.consume", () => client.queues.consume(untyped({ channel: "c", signal })), "signal belongs in the options"],
  ["queues.consume", () => client.queues.consume({ channel: "c" }, untyped({ prefetch: 5 })), "belongs in the request"],
  [
    "queues.process",
    () => client.queues.process(untyped({ channel: "c", concurrency: 5 }), handler),
    "concurrency belongs in the options, the last argument",
  ],
  [
    "queues.process",
    () => client.queues.process({ channel: "c" }, handler, untyped({ maxAttempts: 5 })),
    "maxAttempts belongs in retry",
  ],
  ["queues.publisher", () => client.queues.publisher(untyped({ order: false })), 'mean "ordered"?'],
  ["events.publisher", () => client.events.publisher(untyped({ reconect: false })), 'mean "reconnect"?'],
  ["publish of a publisher", () => events.publish(message, ...(untyped([{ timeoutMs: 5 }]) as [])), "takes no options"],
  ["send of a publisher", () => jobs.send(message, ...(untyped([{ timeoutMs: 5 }]) as [])), "takes no options"],
  ["publishAll", () => events.publishAll([], untyped({ singal: null })), 'mean "signal"?'],
  ["sendAll", () => jobs.sendAll([], untyped({ singal: null })), 'mean "signal"?'],
  ["events.subscribe", () => client.events.subscribe(untyped({ chanel: "c" })), 'mean "channel"?'],
  [
    "eventsStore.subscribe",
    () => client.eventsStore.subscribe(untyped({ channel: "c", from: "first" })),
    "from belongs in start",
  ],
  [
    "a start",
    () => client.eventsStore.subscribe({ channel: "c", start: untyped({ from: "first", sequence: 5 }) }),
    'unknown option "start.sequence"',
  ],
  ["commands.handle", () => client.commands.handle(untyped({ channel: "c", onError: handler }), handler), "the last"],
  ["client.ping", () => client.ping(untyped({ timeout: 5 })), 'mean "timeoutMs"?'],
  ["client.status", () => client.status(untyped({ singal: 5 })), 'mean "signal"?'],
  ["connect", () => KubeMQClient.connect({}, untyped({ wait: 5 })), 'mean "waitMs"?'],
  ["openTelemetry", () => openTelemetry(untyped({ propagators: undefined })), 'mean "propagator"?'],
  ["openTelemetry", () => openTelemetry({ childWithinSeconds: -1 }), "childWithinSeconds must be a number from 0"],
  ["the client", () => new KubeMQClient(untyped({ maxDelayMs: 5 })), "maxDelayMs belongs in reconnect"],
])("a misspelt or misplaced option is refused with its name or its place: %s", async (_, call, says) => {
  expect(await refusalOf(call)).toContain(says);
});

test.each([
  ["prot", { prot: 5 }],
  ["quirks.reorder", { quirks: { reorder: true } }],
  ["ui.prot", { ui: { prot: 5 } }],
])("a misspelt option of the embedded broker is refused: %s", async (name, options) => {
  await expect((async () => startBroker(untyped(options)))()).rejects.toThrow(`unknown option "${name}": the options`);
});
