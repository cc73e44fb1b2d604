import { setTimeout as sleep } from "node:timers/promises";
import { KubeMQClient, KubeMQError, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

/** The pace of a loop: it pauses for `pauseMs` after every `every`th event. */
export interface Pace {
  readonly name: string;
  readonly every: number;
  readonly pauseMs: number;
}

export interface DropsRun {
  readonly pace: Pace;
  readonly events: number;
  readonly drops: number;
  /** How long the broker waits for a subscriber before it drops an event. */
  readonly slowConsumerMs: number;
  readonly bodyBytes: number;
  readonly initialDelayMs: number;
}

export interface DropsResult {
  readonly seen: number;
  /** Events whose sequence did not follow the one before. */
  readonly outOfSequence: number;
  readonly drops: number;
  readonly attempts: number;
  readonly resumed: number;
  readonly gaps: number;
  readonly seconds: number;
}

const CHANNEL = "drops";

/**
 * Reads a store channel with one loop: half of its events are stored before, half while the loop
 * runs. Connections break after a random number of events.
 */
export async function storeDrops(run: DropsRun): Promise<DropsResult> {
  let attempts = 0;
  await using broker = await startBroker({
    slowConsumerMs: run.slowConsumerMs,
    onCall: (rpc) => void (attempts += rpc === "SubscribeToEvents" ? 1 : 0),
  });
  const reconnect = { initialDelayMs: run.initialDelayMs };
  await using producer = await KubeMQClient.connect({ address: broker.address, reconnect });
  await using client = await KubeMQClient.connect({ address: broker.address, reconnect });
  const body = new Uint8Array(run.bodyBytes).fill(7);
  const stored = () => broker.stats().messages.eventsStore[CHANNEL] ?? 0;
  const storeUpTo = async (count: number) => {
    await using publisher = producer.eventsStore.publisher();
    while (stored() < count) {
      const missing = Array.from({ length: Math.min(5_000, count - stored()) }, () => ({ channel: CHANNEL, body }));
      await publisher.publishAll(missing).catch((error: unknown) => {
        if (!KubeMQError.is(error, "UNAVAILABLE")) throw error; // may or may not be stored: the count decides
      });
    }
  };
  await storeUpTo(run.events / 2);
  const statuses: Status["type"][] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const status of client.status({ signal: stop.signal })) statuses.push(status.type);
  })();
  const dropAt = Array.from({ length: run.drops }, () => 1 + Math.floor(Math.random() * (run.events - 1)));
  dropAt.sort((a, b) => b - a);
  let drops = 0;
  let seen = 0;
  let outOfSequence = 0;
  const started = performance.now();
  const storing = storeUpTo(run.events);
  for await (const event of client.eventsStore.subscribe({ channel: CHANNEL, start: { from: "first" } })) {
    seen += 1;
    if (event.sequence !== BigInt(seen)) outOfSequence += 1;
    for (; seen >= (dropAt.at(-1) ?? Infinity); dropAt.pop(), drops++) void broker.faults.dropConnections();
    if (seen % run.pace.every === 0) await sleep(run.pace.pauseMs);
    if (event.sequence >= BigInt(run.events)) break;
  }
  const seconds = (performance.now() - started) / 1000;
  await storing;
  stop.abort();
  await watching;
  const count = (type: Status["type"]) => statuses.filter((other) => other === type).length;
  return { seen, outOfSequence, drops, attempts, resumed: count("resumed"), gaps: count("gap"), seconds };
}

export function figure(run: DropsRun, result: DropsResult): string {
  const { seen, outOfSequence, drops, attempts, resumed, gaps, seconds } = result;
  const verdict = seen === run.events && outOfSequence === 0 ? "ok" : "FAILED";
  return (
    `${verdict}: ${run.pace.name} loop (${run.pace.pauseMs} ms every ${run.pace.every}): saw ${seen} of ${run.events} events, ` +
    `${outOfSequence} out of sequence, ${drops} drops, ${attempts} attempts, ${resumed} resumes, ${gaps} gaps, ${seconds.toFixed(1)} s`
  );
}
