import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { QueuesUpstreamResponseSchema, type QueuesUpstreamRequest } from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";
import { numbers, playedBy, QueueWorld } from "../support/queue-world.js";
import { rejection, until, within } from "../support/until.js";

/** A server that answers the requests of a stream when the test says so. */
function answeringLater() {
  const clock = new FakeClock();
  const requests: QueuesUpstreamRequest[] = [];
  const answers: QueuesUpstreamRequest[] = [];
  let wake = () => {};
  const client = playedBy(
    {
      async *queuesUpstream(incoming) {
        void (async () => {
          for await (const request of incoming) requests.push(request);
        })().catch(() => {});
        for (;;) {
          const next = answers.shift();
          if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
          else {
            const Results = next.Messages.map(({ MessageID }) => ({ MessageID, SentAt: 1_000_000n }));
            yield create(QueuesUpstreamResponseSchema, { RefRequestID: next.RequestID, Results });
          }
        }
      },
    },
    { timeoutMs: 5_000, keepalive: false },
    clock,
  );
  const answer = async (at: number) => {
    const request = requests[at];
    if (request !== undefined) answers.push(request);
    wake();
    await settle();
  };
  const close = async () => {
    const closed = client.close();
    await clock.advance(10_000);
    await closed;
  };
  return { client, clock, requests, answer, close };
}

test("unawaited sends are stored in the order of the calls, across ticks", async () => {
  await using world = await QueueWorld.start({ quirks: { reorderUpstream: true } });
  const sends: Promise<unknown>[] = [];
  for (const body of numbers(300)) {
    if (Number(body) % 10 === 0) sends.push(world.client.queues.sendBatch([{ channel: "q", body }]));
    else sends.push(world.client.queues.send({ channel: "q", body }));
    if (Number(body) % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(sends);
  expect(await world.waiting("q")).toEqual(numbers(300));
});

test("sendBatch returns a result for each message next to sends on the same stream", async () => {
  await using world = await QueueWorld.start();
  const batch = world.client.queues.sendBatch(numbers(3).map((id) => ({ id, channel: "q", body: id })));
  const single = world.client.queues.send({ id: "single", channel: "q", body: "x" });
  expect((await batch).map(({ ok, id }) => [ok, id])).toEqual(numbers(3).map((id) => [true, id]));
  expect((await single).id).toBe("single");
  expect(await world.waiting("q")).toEqual([...numbers(3), "x"]);
});

test("a request that timed out does not hold back the next one", async () => {
  const { client, requests, answer, close } = answeringLater();
  const stop = new AbortController();
  const left = rejection(client.queues.send({ channel: "q", body: "left" }, { signal: stop.signal }));
  await until("it is sent", () => requests.length === 1);
  const next = client.queues.send({ channel: "q", body: "next" });
  await settle();
  expect(requests).toHaveLength(1);
  stop.abort(new Error("enough"));
  expect(await left).toMatchObject({ message: "enough" });
  await until("the next is sent", () => requests.length === 2);
  await answer(1);
  await within(1_000, "the next", next);
  await close();
});

test("an unanswered request holds back the next one for at most one second", async () => {
  const { client, clock, requests, answer, close } = answeringLater();
  const lost = rejection(client.queues.send({ channel: "q", body: "its answer is lost" }));
  await until("it is sent", () => requests.length === 1);
  const next = client.queues.send({ channel: "q", body: "next" });
  await clock.advance(999);
  expect(requests).toHaveLength(1);
  await clock.advance(1);
  await until("the next is sent", () => requests.length === 2);
  await answer(1);
  await within(1_000, "the next", next);
  await clock.advance(4_000);
  expect(await lost).toMatchObject({ code: "TIMEOUT", operation: "queues.send", channel: "q" });
  await close();
});
