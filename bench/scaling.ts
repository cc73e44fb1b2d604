/** Measures how the client's CPU time and memory grow with messages and subscriptions. */
import { KubeMQClient } from "./client.js";
import { countFrames, subscribeByHand } from "./by-hand.js";

export type ScalingOrder =
  | {
      readonly task: "receive" | "receive by hand" | "receive frames";
      readonly port: number;
      readonly messages: number;
      readonly subscriptions: number;
    }
  | { readonly task: "idle"; readonly port: number; readonly subscriptions: number }
  | { readonly task: "stalled"; readonly port: number; readonly seconds: readonly number[] };

export interface ScalingSample {
  readonly ms: number;
  readonly cpuMs: number;
  readonly bytesEach?: number;
  readonly heap?: readonly { readonly seconds: number; readonly heapBytes: number }[];
}

const channel = "bench.events";
/** Messages that warm up a new process. */
const WARM_UP = 200_000;
const clientTo = (port: number) => new KubeMQClient({ address: `127.0.0.1:${port}`, clientId: "bench" });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function receive(port: number, messages: number, subscriptions: number): Promise<ScalingSample> {
  await using client = clientTo(port);
  const streams = Array.from({ length: subscriptions }, () => client.events.subscribe({ channel }));
  await Promise.all(streams.map(({ ready }) => ready));
  return await count(streams, messages, Math.max(20_000, 200 * subscriptions));
}

/**
 * The loop that receives the last message stops the clock. The others end with their next message.
 */
async function count(
  streams: readonly AsyncIterable<unknown>[],
  messages: number,
  warmUp: number,
): Promise<ScalingSample> {
  const meter = new Meter(messages, warmUp);
  await Promise.all(
    streams.map(async (stream) => {
      for await (const _event of stream) if (meter.isOver()) break;
    }),
  );
  return meter.sample;
}

function receiveFrames(port: number, subscriptions: number, messages: number): Promise<ScalingSample> {
  const meter = new Meter(messages, WARM_UP);
  return new Promise((resolve) => {
    countFrames(port, subscriptions, () => {
      if (meter.isOver()) resolve(meter.sample);
    });
  });
}

/**
 * Starts the clock after `before` messages, when every loop is running. Messages in flight at the
 * start are balanced by those in flight at the end.
 */
class Meter {
  sample: ScalingSample = { ms: Number.NaN, cpuMs: Number.NaN };
  private cpu = process.cpuUsage();
  private started = performance.now();
  private left: number;

  constructor(
    messages: number,
    private before: number,
  ) {
    this.left = messages;
  }

  /** Counts a message. True for the last one and those after it. */
  isOver(): boolean {
    if (this.before > 0) {
      this.before -= 1;
      if (this.before === 0) {
        this.cpu = process.cpuUsage();
        this.started = performance.now();
      }
      return false;
    }
    this.left -= 1;
    if (this.left === 0) {
      const { user, system } = process.cpuUsage(this.cpu);
      this.sample = { ms: performance.now() - this.started, cpuMs: (user + system) / 1000 };
    }
    return this.left <= 0;
  }
}

async function measureMemory(): Promise<number> {
  globalThis.gc?.();
  await sleep(100); // Node.js releases buffers in the background
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Measures subscriptions on a port that sends nothing. */
async function idle(port: number, subscriptions: number): Promise<ScalingSample> {
  await using client = clientTo(port);
  await client.ping();
  const before = await measureMemory();
  const streams = Array.from({ length: subscriptions }, () => client.events.subscribe({ channel }));
  await Promise.all(streams.map(({ ready }) => ready));
  const bytesEach = ((await measureMemory()) - before) / subscriptions;
  return { ms: 0, cpuMs: 0, bytesEach };
}

async function stalled(port: number, seconds: readonly number[]): Promise<ScalingSample> {
  await using client = clientTo(port);
  const heap: { seconds: number; heapBytes: number }[] = [];
  for await (const _event of client.events.subscribe({ channel })) {
    const started = performance.now();
    for (const second of seconds) {
      await sleep(Math.max(0, started + second * 1000 - performance.now()));
      heap.push({ seconds: second, heapBytes: await measureMemory() });
    }
    break;
  }
  return { ms: 0, cpuMs: 0, heap };
}

function play(order: ScalingOrder): Promise<ScalingSample> {
  const { task, port } = order;
  if (task === "idle") return idle(port, order.subscriptions);
  if (task === "stalled") return stalled(port, order.seconds);
  if (task === "receive") return receive(port, order.messages, order.subscriptions);
  if (task === "receive frames") return receiveFrames(port, order.subscriptions, order.messages);
  return count(subscribeByHand(port, order.subscriptions), order.messages, WARM_UP);
}

process.on("message", (order: ScalingOrder) => {
  void play(order).then((sample) => process.send?.(sample));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
