import { expect, test } from "@jest/globals";
import { createHash, randomBytes } from "node:crypto";
import { take } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const digest = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");
const MAX = 100 * 1024 * 1024;

test(
  "the largest message is delivered, and one byte more is refused before it is sent",
  () =>
    withBroker(async ({ client }) => {
      // The size of field headers, ids and names, which the refusal reports.
      const refused = await client.eventsStore
        .publish({ id: "i", channel: "huge", body: new Uint8Array(MAX) })
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "INVALID_ARGUMENT" });
      const overhead = Number(/message of (\d+) bytes/.exec(String(refused))?.[1]) - MAX;
      const body = randomBytes(1024 * 1024);
      const largest = Buffer.concat(Array.from({ length: 100 }, () => body)).subarray(0, MAX - overhead);
      await client.eventsStore.publish({ id: "i", channel: "huge", body: largest }, { timeoutMs: 60_000 });
      const one = Buffer.concat([largest, Buffer.from("x")]);
      await expect(client.eventsStore.publish({ id: "i", channel: "huge", body: one })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("larger than maxMessageBytes"),
      });
      const [event] = await take(client.eventsStore.subscribe({ channel: "huge", start: { from: "first" } }), 1);
      expect(digest(event?.body ?? new Uint8Array(1))).toBe(digest(largest));
    }),
  120_000,
);
