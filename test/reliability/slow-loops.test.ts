import { expect, test } from "@jest/globals";
import { roundTrips, until } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const KIB_10 = Buffer.alloc(10 * 1024, "x");

test(
  "a slow loop over plain events continues after events that the server drops, without a report",
  () =>
    withBroker({ broker: { slowConsumerMs: 100 } }, async ({ client }) => {
      const sub = client.events.subscribe({ channel: "flood" });
      await sub.ready;
      const seen: number[] = [];
      let stuck = () => {};
      const unstuck = new Promise<void>((resolve) => (stuck = resolve));
      const loop = (async () => {
        for await (const event of sub) {
          seen.push(Number(event.metadata));
          if (seen.length === 1) await unstuck; // pauses while far more events arrive than all buffers hold
          if (event.metadata === "last") break;
        }
      })();
      await using publisher = client.events.publisher();
      await publisher.publishAll(
        Array.from({ length: 2_000 }, (_, n) => ({ channel: "flood", body: KIB_10, metadata: String(n) })),
      );
      stuck();
      await until("what is left has come", () => seen.length > 256);
      for (let settled = 0; settled !== seen.length;) {
        settled = seen.length;
        await roundTrips(client, 10);
      }
      await client.events.publish({ channel: "flood", body: "x", metadata: "last" });
      await loop;
      const numbers = seen.slice(0, -1);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b)); // in order, none twice, some missing or none
    }),
  60_000,
);
