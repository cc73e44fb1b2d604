import type { Delivery } from "../../index.js";
import { latencyOf, latencyText } from "../messages/latency.js";
import type { BenchOptions } from "../messages/bench.js";
import { Failure } from "../exit.js";
import { startProgress } from "../terminal/progress.js";
import type { Session } from "../session.js";

const SEND_BATCH = 500;
const PREFETCH = 100;

/**
 * Sends `count` messages, then consumes and acknowledges them one by one, and prints both rates.
 */
export async function benchQueue(
  { client, output, signal, terminal }: Session,
  channel: string,
  { count, size }: BenchOptions,
): Promise<void> {
  const body = new Uint8Array(size).fill(0x78);
  const sending = startProgress(terminal, "sent", count);
  const started = performance.now();
  {
    await using publisher = client.queues.publisher();
    for (let sent = 0; sent < count;) {
      signal.throwIfAborted();
      const batch = Array.from({ length: Math.min(SEND_BATCH, count - sent) }, () => ({ channel, body }));
      const refused = (await publisher.send(batch)).find((result) => !result.ok);
      if (refused?.ok === false) throw new Failure(refused.error.message);
      sending.set((sent += batch.length));
    }
  }
  sending.end();
  const sentPerSecond = Math.round((count / (performance.now() - started)) * 1000);

  const settling = startProgress(terminal, "settled", count);
  const from = performance.now();
  const pending: Promise<void>[] = [];
  const took: number[] = [];
  let settled = 0;
  for await (const delivery of client.queues.consume({ channel, prefetch: PREFETCH }, { signal })) {
    pending.push(settledIn(delivery, took));
    if (pending.length >= PREFETCH) await Promise.all(pending.splice(0));
    settling.set((settled += 1));
    if (settled >= count) break;
  }
  await Promise.all(pending);
  settling.end();
  signal.throwIfAborted();
  const settledPerSecond = Math.round((count / (performance.now() - from)) * 1000);
  const latencyMs = latencyOf(took);
  await output.print(
    `sent ${count} of ${size} bytes, ${sentPerSecond} per second; settled ${settled}, ${settledPerSecond} per second; ${latencyText(latencyMs)} for an ack`,
    { channel, sent: count, size, sentPerSecond, settled, settledPerSecond, latencyMs },
  );
}

async function settledIn(delivery: Delivery, tookMs: number[]): Promise<void> {
  const from = performance.now();
  await delivery.ack();
  tookMs.push(performance.now() - from);
}
