/** Runs loads through the client against the embedded broker. */
import { forEachConcurrent, KubeMQClient } from "./client.js";
import type { Delivery, OutgoingQueueMessage, QueueMessage, Subscription } from "../src/index.js";

export type EmbeddedTask = keyof typeof tasks;

export interface EmbeddedOrder {
  readonly task: EmbeddedTask;
  readonly count: number;
}

export interface EmbeddedSample {
  readonly ms: number;
  readonly cpuMs: number;
  readonly latencies?: Readonly<Record<string, readonly number[]>> | undefined;
}

/** Measures the wall-clock and CPU time of a function. */
async function stopwatch(run: () => Promise<unknown>): Promise<EmbeddedSample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await run();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

const client = new KubeMQClient({ address: process.argv[2] ?? "", clientId: "bench" });
const body = Buffer.alloc(100, 97);
let channels = 0;

const newChannel = (): string => `bench-${++channels}`;

function* times<T>(count: number, make: () => T): Generator<T> {
  for (let made = 0; made < count; made++) yield make();
}

async function take<T>(source: Subscription<T>, count: number, work: (item: T) => unknown = () => {}): Promise<void> {
  let taken = 0;
  for await (const item of source) {
    await work(item);
    if (++taken === count) break;
  }
}

async function fill(channel: string, count: number): Promise<void> {
  await using publisher = client.queues.publisher();
  const messages = [...times(1000, (): OutgoingQueueMessage => ({ channel, body }))];
  for (let sent = 0; sent < count; sent += 1000) {
    const results = await publisher.send(messages.slice(0, Math.min(1000, count - sent)));
    for (const result of results) if (!result.ok) throw result.error;
  }
}

async function events(count: number): Promise<EmbeddedSample> {
  const channel = newChannel();
  const subscription = client.events.subscribe({ channel });
  await subscription.ready;
  let received = 0;
  let onReceived = () => {};
  const receiving = take(subscription, count, () => {
    received += 1;
    onReceived();
  });
  // Events are delivered at most once: limit those in flight to what a subscription is sure to keep
  // up with.
  const isFull = (sent: number) => sent - received >= 256;
  async function* paced() {
    for (let sent = 0; sent < count; sent++) {
      if (isFull(sent)) await new Promise<void>((resolve) => (onReceived = resolve));
      yield { channel, body };
    }
  }
  await using publisher = client.events.publisher();
  return await stopwatch(() => Promise.all([receiving, publisher.publishAll(paced())]));
}

async function replay(count: number): Promise<EmbeddedSample> {
  const channel = newChannel();
  await using publisher = client.eventsStore.publisher();
  await publisher.publishAll(times(count, () => ({ channel, body })));
  return await stopwatch(() => take(client.eventsStore.subscribe({ channel, start: { from: "first" } }), count));
}

async function drain(count: number, consume: (channel: string) => Promise<void>): Promise<EmbeddedSample> {
  const channel = newChannel();
  // Send more than the loop receives: a poll that finds fewer messages than it asks for waits up to
  // a second, and that wait would distort the rate.
  await fill(channel, count + 1000);
  return await stopwatch(() => consume(channel));
}

/** Acks every message, up to `prefetch` at a time, and awaits each confirmation. */
async function ackAll(channel: string, count: number, prefetch: number): Promise<void> {
  const acks: Promise<void>[] = [];
  const ack = (job: Delivery) => {
    const acked = job.ack();
    if (prefetch === 1) return acked;
    acks.push(acked);
    return undefined;
  };
  const jobs = client.queues.consume({ channel, prefetch });
  let taken = 0;
  for await (const job of jobs) {
    await ack(job);
    if (++taken === count) break;
  }
  await Promise.all(acks);
}

async function requests(count: number, atOnce: number): Promise<EmbeddedSample> {
  const channel = newChannel();
  const stop = new AbortController();
  const { signal } = stop;
  const handling = client.queries.handle({ channel }, (query) => query.body, { concurrency: 64, signal });
  // Repeat until the server has registered the handler.
  for (let answered = false; !answered;) {
    answered = await client.queries.send({ channel, body }, { timeoutMs: 500 }).then(
      (result) => result.ok || "executed" in result, // older versions say "executed"
      () => false,
    );
  }
  async function* numbers() {
    for (let n = 0; n < count; n++) yield n;
  }
  const sample = await stopwatch(() =>
    forEachConcurrent(numbers(), atOnce, () => client.queries.send({ channel, body })),
  );
  stop.abort();
  await handling;
  return sample;
}

/** Sends single messages to a waiting consumer, with pings in between. */
async function sendToBody(prefetch: number, count: number, pings: number[]): Promise<number[]> {
  const channel = newChannel();
  const found: number[] = [];
  let sentAt = 0;
  const send = async () => {
    // Let the queue become idle, so that the poll waits at the server.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const pingAt = performance.now();
    await client.ping();
    pings.push(performance.now() - pingAt);
    sentAt = performance.now();
    await client.queues.send({ channel, body });
  };
  let sending = send();
  for await (const job of client.queues.consume({ channel, prefetch })) {
    found.push(performance.now() - sentAt);
    await job.ack();
    await sending;
    if (found.length === count) break;
    sending = send();
  }
  return found;
}

async function latency(count: number): Promise<EmbeddedSample> {
  const ping: number[] = [];
  await sendToBody(1, Math.min(20, count), []); // warms up
  const one = await sendToBody(1, count, ping);
  const many = await sendToBody(32, count, ping);
  const latencies = { ping, "queue, send to body, prefetch 1": one, "queue, send to body, prefetch 32": many };
  return { ms: 0, cpuMs: 0, latencies };
}

const tasks = {
  "events, publish to `for await`": events,
  "events store, replay": replay,
  "queue, publisher, a result each": (count: number) => stopwatch(() => fill(newChannel(), count)),
  "queue, confirmed acks, prefetch 1": (count: number) => drain(count, (channel) => ackAll(channel, count, 1)),
  "queue, confirmed acks, prefetch 256": (count: number) => drain(count, (channel) => ackAll(channel, count, 256)),
  "queue, on-delivery, prefetch 256": (count: number) =>
    drain(count, (channel) => {
      const request = { channel, prefetch: 256, settle: "on-delivery" } as const;
      return take<QueueMessage>(client.queues.consume(request), count);
    }),
  "request and reply, one at a time": (count: number) => requests(count, 1),
  "request and reply, 64 at once": (count: number) => requests(count, 64),
  latency,
};

process.on("message", ({ task, count }: EmbeddedOrder) => {
  void tasks[task](count).then((sample) => process.send?.(sample));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
