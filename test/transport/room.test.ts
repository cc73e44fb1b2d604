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
