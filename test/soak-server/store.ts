import { setTimeout as pause } from "node:timers/promises";
import { KubeMQClient } from "kubemq-es";
import { Subscribe_EventsStoreType, Subscribe_SubscribeType } from "kubemq-es/gen";
import { rawClient } from "../broker/raw-client.js";
import { Faults, type FaultPlan } from "./faults.js";

/** Publishes numbered events under faults while a subscriber reads them, and compares all with a raw replay. */
export async function reconcileStore(plan: FaultPlan, count: number): Promise<string[]> {
  await using faults = await Faults.start(plan);
  const channel = `soak.store.${Date.now().toString(36)}`;
  const client = new KubeMQClient({ address: faults.address, clientId: `soak-${process.pid}` });
  const seen = new Map<bigint, string>();
  let doubled = 0;
  let gaps = 0;
  let last = 0n;
  const stop = new AbortController();
  const reading = (async () => {
    for await (const event of client.eventsStore.subscribe(
      { channel, start: { from: "first" } },
      { signal: stop.signal },
    )) {
      if (seen.has(event.sequence)) doubled += 1;
      if (event.sequence !== last + 1n) gaps += 1;
      last = event.sequence;
      seen.set(event.sequence, event.text());
    }
  })();

  const confirmed = new Set<string>();
  const publish = async (body: string) => {
    for (;;) {
      try {
        await client.eventsStore.publish({ channel, body });
        confirmed.add(body);
        return;
      } catch {
        await pause(20); // sent again: its first outcome is unknown, so the store may have it twice
      }
    }
  };
  const chunk = 100;
  for (let from = 0; from < count; from += chunk) {
    const size = Math.min(chunk, count - from);
    await Promise.all(Array.from({ length: size }, (_, at) => publish(String(from + at))));
    await faults.at(from / count);
  }
  faults.calm();

  const stored = await rawReplay(plan.address, channel);
  const until = Date.now() + 30_000;
  while (seen.size < stored.size && Date.now() < until) await pause(100);
  stop.abort();
  await reading;
  await client.close();

  const bodies = new Set(stored.values());
  const lost = [...confirmed].filter((body) => !bodies.has(body)).length;
  const unseen = [...stored.keys()].filter((sequence) => !seen.has(sequence)).length;
  const other = [...seen].filter(([sequence, body]) => stored.has(sequence) && stored.get(sequence) !== body).length;
  const gone = [...seen.keys()].filter((sequence) => !stored.has(sequence)).length;
  return [
    `store: ${confirmed.size} of ${count} events confirmed over ${faults.resets} resets and ${faults.restarts} restarts`,
    `  the server has ${stored.size} events, by raw replay; ${stored.size - bodies.size} of them twice, because the answer was lost and they were sent again`,
    `  lost by the server although confirmed: ${lost}`,
    `  received, and no longer in the store: ${gone}; sequence used again for another event: ${other}`,
    `  stored and not received (the client's fault): ${unseen}; received twice: ${doubled}; jumps in the sequence: ${gaps}`,
  ];
}

/** The bodies of a channel by their sequence, read without this project's client. */
async function rawReplay(address: string, channel: string): Promise<Map<bigint, string>> {
  using raw = rawClient(address);
  const stored = new Map<bigint, string>();
  const stop = new AbortController();
  let cancelTimer = setTimeout(() => stop.abort(), 10_000);
  try {
    const request = {
      SubscribeTypeData: Subscribe_SubscribeType.EventsStore,
      EventsStoreTypeData: Subscribe_EventsStoreType.StartFromFirst,
      ClientID: `raw-${Date.now()}`,
      Channel: channel,
    };
    for await (const event of raw.rpc.subscribeToEvents(request, { signal: stop.signal })) {
      stored.set(event.Sequence, Buffer.from(event.Body).toString());
      clearTimeout(cancelTimer);
      cancelTimer = setTimeout(() => stop.abort(), 3_000);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return stored;
}
