import { expect, test } from "@jest/globals";
import { KubeMQError, type Delivery, type ErrorCode, type ProcessOptions, type Status } from "kubemq-es";
import type { Connection } from "../../src/connection/connection.js";
import { processQueue } from "../../src/queues/process/process.js";
import type { Source } from "../../src/stream/handlers.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { within } from "../support/until.js";

const refused = (code: ErrorCode) => new KubeMQError(code, `refused: ${code}`);

/** A message whose settlements end as the test says, one after another; without any more they are accepted. */
function message(outcomes: readonly (ErrorCode | "accepted")[]) {
  const asked: string[] = [];
  const delivery = {
    id: "m",
    channel: "jobs",
    sequence: 1n,
    receiveCount: 1,
    settled: false,
    ack: () => settleAs("ack"),
    reject: () => settleAs("reject"),
    requeue: (channel: string) => settleAs(`requeue ${channel}`),
  };
  const settleAs = async (how: string) => {
    const outcome = outcomes[asked.length] ?? "accepted";
    asked.push(how);
    if (outcome !== "accepted") throw refused(outcome);
    delivery.settled = true;
  };
  return { asked, delivery: delivery as unknown as Delivery };
}

/** Works on one message, on time that the test moves. */
function working(delivery: Delivery, handler: () => unknown, options: ProcessOptions<Delivery> = {}) {
  const clock = new FakeClock();
  const status: Status[] = [];
  const connection = {
    clock,
    random: () => 0,
    report: (one: Status) => void status.push(one),
    join: () => {},
    leave: () => {},
  };
  let end = () => {};
  const closed = new Promise<undefined>((resolve) => (end = () => resolve(undefined)));
  const seen = { isCancelled: false };
  const source: Source<Delivery> = {
    ready: Promise.resolve(),
    closed,
    close: async () => end(),
    cancel: () => void (seen.isCancelled = true),
    async *[Symbol.asyncIterator]() {
      yield delivery;
      await closed;
    },
    [Symbol.asyncDispose]: async () => end(),
  };
  const service = processQueue(
    {
      connection: connection as unknown as Connection,
      subject: { operation: "queues.process", channel: "jobs" },
      prefetch: undefined,
      isLeased: false,
      consume: () => source,
      send: () => Promise.resolve(),
      handler,
    },
    options,
  );
  const told = () => status.flatMap((one) => (one.type === "settle-failed" ? [one.error.code] : []));
  return { service, clock, told, seen };
}

test("a message whose ack is refused is rejected after a delay", async () => {
  const { asked, delivery } = message(["REJECTED_BY_SERVER"]);
  const { clock, told, service } = working(delivery, () => "ack");
  await settle();
  expect(asked).toEqual(["ack"]);
  await clock.advance(200);
  expect(asked).toEqual(["ack", "reject"]);
  expect(told()).toEqual(["REJECTED_BY_SERVER"]);
  await service.close();
});

test("a refused rejection is repeated after growing delays", async () => {
  const { asked, delivery } = message(["INTERNAL", "INTERNAL", "INTERNAL"]);
  const { clock, told, service } = working(delivery, () => "reject");
  await settle();
  const counts: number[] = [];
  for (let ms = 0; ms < 400; ms += 50) {
    counts.push(asked.length);
    await clock.advance(50);
  }
  // With a jitter of a half and the least of it: 50, 100 and 200 ms.
  expect(counts).toEqual([1, 2, 2, 3, 3, 3, 3, 4]);
  expect(delivery.settled).toBe(true);
  expect(told()).toEqual(["INTERNAL", "INTERNAL", "INTERNAL"]);
  await service.close();
});

test.each<ErrorCode>(["LEASE_LOST", "UNAVAILABLE", "TIMEOUT", "CLIENT_CLOSED", "ALREADY_SETTLED"])(
  "a message that the server redelivers anyway is not settled again after %s",
  async (code) => {
    const { asked, delivery } = message([code, code, code]);
    const { clock, told, service } = working(delivery, () => ({ requeue: "others" }));
    await clock.advance(60_000);
    expect(asked).toEqual(["requeue others"]);
    expect(told()).toEqual([code]);
    await service.close();
  },
);

test("a service whose message cannot be settled ends when it is stopped, and returns the message", async () => {
  const { asked, delivery } = message(Array.from({ length: 100 }, () => "INTERNAL" as const));
  const { clock, seen, service } = working(delivery, () => "ack");
  await settle();
  await clock.advance(500);
  expect(asked.length).toBeGreaterThan(2);
  await within(1_000, "the end", service.close());
  expect(seen.isCancelled).toBe(true);
});

test("a message that waits for its rejection is rejected at once when the service stops", async () => {
  const { asked, delivery } = message([]);
  const retry = { delay: { initialDelayMs: 60_000, maxDelayMs: 60_000 } };
  const { service } = working(delivery, () => Promise.reject(new Error("no")), { retry });
  await settle();
  expect(asked).toEqual([]);
  await within(1_000, "the end", service.close());
  expect(asked).toEqual(["reject"]);
});
