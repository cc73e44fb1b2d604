import { setTimeout as pause } from "node:timers/promises";
import { KubeMQClient } from "kubemq-es";
import { rawClient } from "../broker/raw-client.js";
import { Faults, type FaultPlan } from "./faults.js";

/** A run without a message for so long is over. */
const IDLE_MS = 20_000;

interface Received {
  times: number;
  /** Whether the server has confirmed the settlement of an earlier delivery. */
  settled: boolean;
  again: boolean;
}

/** Sends numbered messages under faults while one consumer receives them, and counts both, also by raw calls. */
export async function reconcileQueue(plan: FaultPlan, count: number): Promise<string[]> {
  await using faults = await Faults.start(plan);
  const channel = `soak.queue.${Date.now().toString(36)}`;
  const client = new KubeMQClient({ address: faults.address, clientId: `soak-${process.pid}` });
  const received = new Map<bigint, Received>();
  const bodies = new Set<string>();
  let failedAcks = 0;
  let lastAt = Date.now();
  const stop = new AbortController();
  const consuming = (async () => {
    for await (const job of client.queues.consume({ channel, prefetch: 32 }, { signal: stop.signal })) {
      lastAt = Date.now();
      bodies.add(job.text());
      const one = received.get(job.sequence) ?? { times: 0, settled: false, again: false };
      one.times += 1;
      one.again ||= one.settled;
      received.set(job.sequence, one);
      job.ack().then(
        () => (one.settled = true),
        () => (failedAcks += 1),
      );
    }
  })();

  const confirmed = new Set<string>();
  let resent = 0;
  const send = async (rest: string[]) => {
    for (;;) {
      try {
        const results = await client.queues.sendBatch(rest.map((body) => ({ channel, body })));
        results.forEach((result, at) => result.ok && confirmed.add(rest[at] ?? ""));
        rest = rest.filter((body) => !confirmed.has(body));
        if (rest.length === 0) return;
      } catch {
        await pause(20);
      }
      resent += rest.length;
    }
  };
  const chunk = 100;
  for (let from = 0; from < count; from += chunk) {
    const size = Math.min(chunk, count - from);
    await send(Array.from({ length: size }, (_, at) => String(from + at)));
    await faults.at(from / count);
  }
  faults.calm();
  while (bodies.size < count && Date.now() - lastAt < IDLE_MS) await pause(100);
  await pause(3_000);
  stop.abort();
  await consuming;
  await client.close();

  using raw = rawClient(plan.address);
  const { Info } = await raw.rpc.queuesInfo({ RequestID: "1", QueueName: channel });
  const counted = Info?.Queues.find(({ Name }) => Name === channel);
  const taken = await raw.rpc.receiveQueueMessages({
    RequestID: "2",
    ClientID: "raw",
    Channel: channel,
    MaxNumberOfMessages: 1_024,
    WaitTimeSeconds: 2,
  });
  const found = taken.Messages.map(({ Body }) => Buffer.from(Body).toString());
  const missing = [...confirmed].filter((body) => !bodies.has(body));
  const twice = [...received.values()].filter(({ times }) => times > 1);
  return [
    `queue: ${confirmed.size} of ${count} messages confirmed over ${faults.resets} resets and ${faults.restarts} restarts; ${resent} sent again because the answer was lost, ${received.size - bodies.size} of them stored twice`,
    `  confirmed and not received: ${missing.length}; of these ${missing.filter((body) => found.includes(body)).length} were there for a raw receive`,
    `  the server counts ${counted?.Waiting ?? 0} waiting and ${counted?.Subscribers ?? 0} consumers after the end; a raw receive found ${found.length}`,
    `  received more than once: ${twice.length}; of these ${twice.filter(({ again }) => again).length} although a settlement was confirmed before`,
    `  settlements that failed, after which a message comes again: ${failedAcks}`,
  ];
}
