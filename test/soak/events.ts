import type { KubeMQClient } from "kubemq-es";
import { sleep, until } from "../support/until.js";
import { Latency, Outcome, type Producer } from "./producer.js";
import { Receiver } from "./receiver.js";
import type { LineName } from "./lines.js";
import type { Load, World } from "./world.js";

const PREFIX = "soak.events.";
/** How long an event may take to arrive when there is no fault. */
const TRANSIT_MS = 1_000;

/**
 * Events: two publishers that keep their order, and single calls, to two subscribers and a group of
 * three.
 */
export async function eventsLoad(world: World): Promise<Load> {
  const { findings, stop, windows } = world;
  const latency = new Latency("events");
  const leave = new AbortController();
  const produce = (name: string, line: LineName, rate: number) => world.producer(name, line, rate);
  const streams = [produce("events-north", "north", 100), produce("events-east", "east", 100)] as const;
  const calls = produce("events-calls", "south", 30);
  const producers = [...streams, calls];
  const clients = {
    north: world.client("north", "events-north"),
    east: world.client("east", "events-east"),
    south: world.client("south", "events-south"),
  };
  const loops: Promise<void>[] = [];
  const ready: Promise<void>[] = [];
  const listen = (client: KubeMQClient, receiver: Receiver, group?: string) => {
    const filter = { channel: `${PREFIX}*`, ...(group !== undefined && { group }) };
    const subscription = client.events.subscribe(filter, { signal: leave.signal });
    ready.push(subscription.ready);
    const loop = async () => {
      for await (const event of subscription) {
        const taken = receiver.take(event.text());
        if (taken === undefined) continue;
        if (event.channel !== PREFIX + taken.producer.name) findings.add("wrong", `event on ${event.channel}`);
        latency.since(taken.producer.intendedAt(taken.number));
      }
    };
    loops.push(loop());
  };
  const single = (["north", "east"] as const).map((line) => {
    const receiver = new Receiver(`events subscriber ${line}`, [line], producers, findings);
    listen(clients[line], receiver);
    return receiver;
  });
  const group = new Receiver("events group", ["north", "east", "south"], producers, findings);
  for (const client of Object.values(clients)) listen(client, group, "group");
  await Promise.all(ready);
  await until("the broker has the subscriptions to events", async () => {
    return ((await world.broker.stats()).streams["SubscribeToEvents"] ?? 0) >= loops.length;
  });
  const publish = async (producer: Producer, client: KubeMQClient) => {
    await using publisher = client.events.publisher();
    const channel = PREFIX + producer.name;
    await producer.run(stop, (number) => publisher.publish({ channel, body: producer.body(number) }));
  };
  const produced = Promise.all([
    publish(streams[0], clients.north),
    publish(streams[1], clients.east),
    calls.run(stop, (number) =>
      clients.south.events.publish({ channel: PREFIX + calls.name, body: calls.body(number) }),
    ),
  ]);
  return {
    name: "events",
    produced,
    async settle() {
      await sleep(TRANSIT_MS);
      leave.abort();
      await Promise.all(loops);
    },
    reconcile() {
      const lines = producers.map(
        (producer) =>
          `${producer.name}: ${producer.sent} sent, ${producer.count(Outcome.confirmed)} confirmed, ` +
          `${producer.count(Outcome.unknown)} unknown, ${producer.skipped} left out`,
      );
      for (const receiver of [...single, group]) {
        const missing = receiver.missing((producer, number) => {
          const until = (producer.doneAt[number] ?? 0) + TRANSIT_MS;
          return windows.overlap([producer.line, ...receiver.lines], producer.intendedAt(number), until);
        });
        lines.push(`${receiver.name}: ${receiver.total()} received, ${missing} confirmed ones missed in downtime`);
      }
      // Concurrent calls and members of a group have no defined order.
      for (const receiver of single) receiver.checkOrder([...streams]);
      return [...lines, latency.line()];
    },
  };
}
