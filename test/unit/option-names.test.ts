import { afterAll, expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError } from "kubemq-es";

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
