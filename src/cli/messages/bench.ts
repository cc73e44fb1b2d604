import type { Command } from "commander";
import type { Incoming, Subscription } from "../../index.js";
import { latencyOf, latencyText } from "./latency.js";
import { startProgress } from "../terminal/progress.js";
import type { Session } from "../session.js";
import { integer } from "../values.js";

export interface BenchOptions {
  readonly count: number;
  readonly size: number;
}

export function benchOptions(command: Command): Command {
  return command
    .option("-n, --count <n>", "how many messages", integer(1), 10_000)
    .option("--size <bytes>", "how large a body is", integer(8, 100_000_000), 100);
}

/** A measured stream: one side sends, the other side counts. */
export interface BenchedStream {
  readonly channel: string;
  readonly subscription: Subscription<Incoming<unknown>>;
  /** Sends all messages; resolves when the server has accepted them. */
  readonly send: (messages: Iterable<{ channel: string; body: Uint8Array }>) => Promise<unknown>;
}

/** Milliseconds without a message, after the last send, until missing messages count as lost. */
const QUIET_MS = 2_000;

/** Sends `count` messages while receiving them, and prints both rates. */
export async function benchStream(session: Session, options: BenchOptions, stream: BenchedStream): Promise<void> {
  const { count, size } = options;
  const { channel, subscription } = stream;
  const progress = startProgress(session.terminal, "received", count);
  const took: number[] = [];
  let received = 0;
  let lastAt = 0;
  let sentAt = Infinity;

  await subscription.ready;
  const started = performance.now();
  const receiving = (async () => {
    for await (const message of subscription) {
      lastAt = performance.now();
      if (message.body.length >= 8) took.push(lastAt - stampOf(message.body));
      progress.set((received += 1));
      if (received >= count) break;
    }
  })();
  // Events are at most once, so silence ends the wait.
  const watch = setInterval(() => {
    if (performance.now() - Math.max(lastAt, sentAt) > QUIET_MS) void subscription.close();
  }, 100);
  try {
    await stream.send(
      (function* () {
        for (let sent = 0; sent < count; sent++) yield { channel, body: stamped(size) };
      })(),
    );
    sentAt = performance.now();
    await receiving;
  } finally {
    clearInterval(watch);
    progress.end();
    await subscription.close();
  }
  const sentPerSecond = perSecond(count, sentAt - started);
  const latencyMs = latencyOf(took);
  const receivedPerSecond = perSecond(received, lastAt - started);
  await session.output.print(
    `sent ${count} of ${size} bytes, ${sentPerSecond} per second; received ${received}, ${receivedPerSecond} per second; ${latencyText(latencyMs)} from send to receipt`,
    { channel, sent: count, size, sentPerSecond, received, receivedPerSecond, latencyMs },
  );
}

/**
 * A body that contains its send time. The receiver cannot derive it from the order, because
 * messages may be lost.
 */
function stamped(size: number): Uint8Array {
  const body = new Uint8Array(size).fill(0x78);
  new DataView(body.buffer).setFloat64(0, performance.now());
  return body;
}

function stampOf(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset).getFloat64(0);
}

function perSecond(count: number, ms: number): number {
  return count === 0 ? 0 : Math.round((count / Math.max(ms, 0.001)) * 1000);
}

/**
 * Runs `count` round trips, at most `concurrency` at once, and prints their rate and their latency.
 */
export async function benchRoundTrips(
  { output, signal, terminal }: Session,
  { count, size, concurrency }: BenchOptions & { readonly concurrency: number },
  call: (body: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const progress = startProgress(terminal, "answered", count);
  const body = new Uint8Array(size).fill(0x78);
  const took: number[] = [];
  let asked = 0;
  const caller = async () => {
    while (asked < count && !signal.aborted) {
      asked += 1;
      const from = performance.now();
      await call(body);
      took.push(performance.now() - from);
      progress.set(took.length);
    }
  };
  const started = performance.now();
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, caller));
  } finally {
    progress.end();
  }
  signal.throwIfAborted();
  const callsPerSecond = perSecond(count, performance.now() - started);
  const latencyMs = latencyOf(took);
  await output.print(
    `${count} round trips of ${size} bytes, ${callsPerSecond} per second; latency ${latencyText(latencyMs)}`,
    { count, size, concurrency, callsPerSecond, latencyMs },
  );
}
