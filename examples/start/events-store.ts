import type { KubeMQClient } from "kubemq-es";
import { check } from "./check.js";

/** Events store: the lines are stored, the connection is cut in the middle of reading, and the replay is complete all the same. */
export async function eventsStore(
  client: KubeMQClient,
  run: string,
  lines: readonly string[],
  cut: (() => Promise<void>) | undefined,
): Promise<void> {
  console.log(`events store${cut === undefined ? "" : ", with the connection cut half-way"}`);
  const channel = `${run}.stored`;
  await using publisher = client.eventsStore.publisher();
  await publisher.publishAll(lines.map((body, n) => ({ channel, metadata: String(n), body })));

  const received: string[] = [];
  const sequences: bigint[] = [];
  if (lines.length > 0) {
    for await (const event of client.eventsStore.subscribe({ channel, start: { from: "first" } })) {
      received.push(event.text());
      sequences.push(event.sequence);
      if (received.length === Math.ceil(lines.length / 2)) await cut?.();
      if (received.length === lines.length) break;
    }
  }
  check("replayed", received, lines);
  check(
    "sequences without a gap",
    sequences,
    lines.map((_, n) => BigInt(n + 1)),
  );
}
