import type { KubeMQClient } from "kubemq-es";
import { sleep, until } from "../support/until.js";
import { Latency, Outcome, type Producer } from "./producer.js";
import { Receiver } from "./receiver.js";
import { StoreReader } from "./store-reader.js";
import type { LineName } from "./lines.js";
import type { Load, World } from "./world.js";

const CHANNEL = "soak.stored";
const CATCH_UP_MS = 90_000;
/** How long an event may take to reach a member of a group when there is no fault. */
const TRANSIT_MS = 5_000;
/**
 * Large enough that events that a loop leaves waiting block the broker, which then drops events.
 */
const BODY_BYTES = 3_000;

/**
 * The events store: publishers, and loops that must each see every sequence once: fast, slow, and
 * one that is left repeatedly.
 */
export async function storeLoad(world: World): Promise<Load> {
  const { findings, kills, stop } = world;
  const latency = new Latency("events store");
  const leave = new AbortController();
  const produce = (name: string, line: LineName, rate: number) => world.producer(name, line, rate, BODY_BYTES);
  const streams = [produce("stored-north", "north", 40), produce("stored-east", "east", 40)] as const;
  const calls = produce("stored-calls", "south", 20);
  const producers = [...streams, calls];
  const reader = (name: string) => new StoreReader(name, producers, findings, kills);
  const [fast, slow, leaving, witness] = [reader("fast"), reader("slow"), reader("leaving"), reader("witness")];
  const readers = [fast, slow, leaving];
  const clients = { north: world.client("north", "stored-north"), east: world.client("east", "stored-east") };

  const readAll = async (client: KubeMQClient, reader: StoreReader, body: () => Promise<void> | undefined) => {
    const { signal } = leave;
    for await (const event of client.eventsStore.subscribe(
      { channel: CHANNEL, start: { from: "first" } },
      { signal },
    )) {
      const { name, number } = reader.take(event.sequence, event.text());
      if (reader === fast) {
        const producer = producers.find((producer) => producer.name === name);
        if (producer !== undefined) latency.since(producer.intendedAt(number));
      }
      await body();
    }
  };
  /**
   * A loop that starts beyond the end of the channel continues with the next event, and would miss
   * the beginning of a restarted channel.
   */
  const isSafe = () => (kills.length === 0 ? !world.isKillDue : leaving.eras === kills.length);
  /** Repeatedly leaves the loop, and continues after the last event seen. */
  const readInPieces = async (client: KubeMQClient, reader: StoreReader) => {
    const random = world.random("leaving");
    while (!leave.signal.aborted) {
      const sequence = reader.last + 1n;
      const subscription = client.eventsStore.subscribe(
        { channel: CHANNEL, start: { from: "sequence", sequence } },
        { signal: leave.signal },
      );
      let left = random.between(50, 500);
      for await (const event of subscription) {
        reader.take(event.sequence, event.text());
        left -= 1;
        if (left <= 0 && isSafe()) break;
      }
    }
  };
  const pauses = world.random("slow");
  let caughtUpAt = performance.now();
  const lazily = () => {
    if (slow.last >= fast.last) caughtUpAt = performance.now();
    return pauses.next() < 0.004 ? sleep(pauses.between(1_000, 4_000)) : undefined;
  };
  const loops = [
    readAll(clients.east, fast, () => undefined),
    readAll(
      world.client(
        "south",
        "stored-slow",
        { flowControl: { streamBytes: 65_535, connectionBytes: 65_535 } },
        () => caughtUpAt,
      ),
      slow,
      () => (stop.aborted ? undefined : lazily()),
    ),
    readInPieces(clients.north, leaving),
  ];
  /**
   * Members of a group share the events. The server keeps their position, so events sent to a
   * member that dies are lost.
   */
  const group = new Receiver("store group", ["north", "east"], producers, findings);
  const share = async (client: KubeMQClient) => {
    const filter = { channel: CHANNEL, group: "group", start: { from: "first" } } as const;
    for await (const event of client.eventsStore.subscribe(filter, { signal: leave.signal })) group.take(event.text());
  };
  loops.push(share(clients.north), share(clients.east));
  const publish = async (producer: Producer, client: KubeMQClient) => {
    await using publisher = client.eventsStore.publisher();
    await producer.run(stop, (number) => publisher.publish({ channel: CHANNEL, body: producer.body(number) }));
  };
  const callers = world.client("south", "stored-calls");
  const produced = Promise.all([
    publish(streams[0], clients.north),
    publish(streams[1], clients.east),
    calls.run(stop, (number) => callers.eventsStore.publish({ channel: CHANNEL, body: calls.body(number) })),
  ]);

  /** The final content of the store, read on a line without faults. */
  const readStore = async () => {
    const stored = (await world.broker.stats()).messages.eventsStore[CHANNEL] ?? 0;
    if (stored === 0) return;
    await using client = world.witness();
    for await (const event of client.eventsStore.subscribe({ channel: CHANNEL, start: { from: "first" } })) {
      witness.take(event.sequence, event.text());
      if (witness.total === stored) break;
    }
  };
  return {
    name: "store",
    produced,
    async settle() {
      await readStore();
      // A channel that restarted and is still empty cannot be compared.
      const caughtUp = () => witness.total === 0 || readers.every(({ last }) => last === witness.last);
      await until("every loop has caught up", caughtUp, CATCH_UP_MS).catch(() => {
        for (const { name, last } of readers) {
          if (last !== witness.last) findings.add("stuck", `${name} is at ${last} of ${witness.last} stored events`);
        }
      });
      leave.abort();
      await Promise.all(loops);
    },
    reconcile() {
      let withMemory = 0;
      for (const producer of producers) {
        for (let number = 0; number < producer.sent; number++) {
          const stored = witness.sequenceOf(producer, number);
          const isConfirmed = producer.outcome[number] === Outcome.confirmed;
          if (stored === 0 && isConfirmed) {
            const isForgotten = kills.some((kill) => kill >= producer.intendedAt(number));
            const isSeen = fast.sequenceOf(producer, number) > 0;
            if (isForgotten && (isSeen || world.lostMemorySince(producer.intendedAt(number)))) withMemory += 1;
            else findings.add("lost", `${producer.name} ${number} was confirmed, and is not in the store`);
          }
          if (stored === 0) continue;
          for (const reader of readers) {
            const seen = reader.sequenceOf(producer, number);
            if (seen === 0) findings.add("lost", `${reader.name} did not see ${producer.name} ${number} at ${stored}`);
            else if (seen !== stored) findings.add("wrong", `${reader.name} saw ${stored} as ${seen}`);
          }
        }
      }
      const missing = group.missing((producer, number) => {
        const until = (producer.doneAt[number] ?? 0) + TRANSIT_MS;
        return world.windows.overlap([producer.line, ...group.lines], producer.intendedAt(number), until);
      });
      return [
        ...producers.map(
          (producer) =>
            `${producer.name}: ${producer.sent} sent, ${producer.count(Outcome.confirmed)} confirmed, ` +
            `${producer.count(Outcome.unknown)} unknown, ${producer.skipped} left out`,
        ),
        `in the store: 1…${witness.last}; confirmed ones that went with the memory of a killed broker: ${withMemory}`,
        ...readers.map(
          ({ name, total, last, eras }) => `${name}: ${total} seen, up to ${last}, ${eras} new beginnings`,
        ),
        `${group.name}: ${group.total()} received, ${missing} confirmed ones went with a member or with the broker`,
        latency.line(),
      ];
    },
  };
}
