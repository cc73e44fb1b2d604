import { expect, test } from "@jest/globals";
import { withBroker } from "../support/with-broker.js";

// Node emits "drain" before the callbacks of the writes that it took: counting by the callbacks alone, the room was never seen.
test("waiting writers are notified of room when more than the high-water mark is written in one tick", () =>
  withBroker(async ({ client }) => {
    await using publisher = client.eventsStore.publisher();
    const body = new Uint8Array(1_100);
    const messages = Array.from({ length: 3_000 }, () => ({ channel: "c", body }));
    expect(await publisher.publishAll(messages)).toBe(3_000);
  }));

test("calls reuse the memory of ended calls for their requests, and no byte of a request changes", () =>
  withBroker(async ({ client }) => {
    const subscription = client.events.subscribe({ channel: "c" });
    await subscription.ready;
    const publishers = [client.events.publisher(), client.events.publisher()];
    const sent: string[] = [];
    for (let round = 0; round < 10; round++) {
      const bodies = Array.from({ length: 8 }, (_, n) => `${round}.${n}`.padEnd(700, "x"));
      sent.push(...bodies, ...bodies);
      // Each publisher opens a stream and half-closes it, both in the same turn.
      await Promise.all(publishers.flatMap((each) => bodies.map((body) => each.publish({ channel: "c", body }))));
    }
    const received: string[] = [];
    for await (const event of subscription) {
      if (received.push(event.text()) === sent.length) break;
    }
    expect(received.toSorted()).toEqual(sent.toSorted());
    for (const publisher of publishers) await publisher.close();
  }));
