import { describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { QueuesUpstreamResponseSchema } from "kubemq-es/gen";
import { numbers, playedBy, QueueWorld } from "../support/queue-world.js";
import { rejection } from "../support/until.js";

/** A client whose server refuses the messages with the body "bad". */
function refusing() {
  const requests: number[] = [];
  const client = playedBy({
    async *queuesUpstream(incoming) {
      for await (const { RequestID, Messages } of incoming) {
        requests.push(Messages.length);
        const Results = Messages.map(({ MessageID, Body }) =>
          Buffer.from(Body).toString() === "bad"
            ? { MessageID, IsError: true, Error: "Error 133: no such queue" }
            : { MessageID, SentAt: 1n },
        );
        yield create(QueuesUpstreamResponseSchema, { RefRequestID: RequestID, Results });
      }
    },
  });
  return { client, requests };
}

async function* asynchronous<T>(items: Iterable<T>): AsyncGenerator<T, void> {
  for (const item of items) yield item;
}

describe("what a queue publisher sends", () => {
  test("send resolves with the stored message and rejects a refused one, as queues.send does", async () => {
    const { client } = refusing();
    await using publisher = client.queues.publisher();
    expect(await publisher.send({ id: "1", channel: "q", body: "good" })).toMatchObject({ ok: true, id: "1" });
    expect(await rejection(publisher.send({ channel: "q", body: "bad" }))).toMatchObject({
      code: "REJECTED_BY_SERVER",
      serverCode: 133,
      channel: "q",
    });
    await client.close();
  });

  test.each(["send", "sendBatch"] as const)("%s of several messages has a result for each", async (name) => {
    const { client } = refusing();
    await using publisher = client.queues.publisher();
    const messages = ["good", "bad"].map((body) => ({ channel: "q", body }));
    expect(await publisher[name](messages)).toMatchObject([{ ok: true }, { ok: false, error: { serverCode: 133 } }]);
    expect(await publisher[name]([])).toEqual([]);
    await client.close();
  });

  test.each([
    ["an iterable", (items: string[]) => items.map((body) => ({ channel: "q", body }))],
    ["an async iterable", (items: string[]) => asynchronous(items.map((body) => ({ channel: "q", body })))],
  ])("sendAll of %s keeps the order and returns the number of messages", async (_, source) => {
    await using world = await QueueWorld.start();
    await using publisher = world.client.queues.publisher();
    const bodies = numbers(1_500);
    expect(await publisher.sendAll(source(bodies))).toBe(1_500);
    const stored: string[] = [];
    while (stored.length < 1_500) {
      const received = await world.client.queues.receive({ channel: "q", max: 750 });
      stored.push(...received.map((message) => message.text()));
    }
    expect(stored).toEqual(bodies);
  });

  test("sendAll reads little ahead of the answers, and stops at the first refusal", async () => {
    const { client, requests } = refusing();
    await using publisher = client.queues.publisher();
    let taken = 0;
    function* source() {
      for (; taken < 10_000; taken++) yield { channel: "q", body: taken === 1_500 ? "bad" : "good" };
    }
    expect(await rejection(publisher.sendAll(source()))).toMatchObject({ code: "REJECTED_BY_SERVER" });
    expect(taken).toBeLessThanOrEqual(4 * 1_024);
    expect(Math.max(...requests)).toBe(1_024);
    await client.close();
  });

  test("sendAll rejects with the reason of its signal, and after a close", async () => {
    const { client } = refusing();
    const publisher = client.queues.publisher();
    const stop = new AbortController();
    const silent: AsyncIterable<{ channel: string; body: string }> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    };
    const aborted = rejection(publisher.sendAll(silent, { signal: stop.signal }));
    stop.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ message: "enough" });
    const closed = rejection(publisher.sendAll(silent));
    await publisher.close();
    expect(await closed).toMatchObject({ code: "CLIENT_CLOSED" });
    await client.close();
  });
});
