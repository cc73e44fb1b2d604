import { KubeMQError, type KubeMQClient, type OutgoingQueueMessage, type Subscription } from "kubemq-es";
import { sleep, until } from "../support/until.js";
import { Jobs } from "./jobs.js";
import { Latency, Outcome, type Producer } from "./producer.js";
import { DEAD, policy, queueConsumers, type Consumer } from "./queue-consumers.js";
import { Receiver } from "./receiver.js";
import type { LineName } from "./lines.js";
import type { Load, World } from "./world.js";

const JOBS = "soak-jobs";
const LEASES = "soak-leases";
const BATCHES = "soak-batches";
const AUTO = "soak-auto";
const NEXT = "soak-next";
const FETCHED = "soak-fetched";
const BATCH = 5;
const DRAIN_MS = 90_000;
/**
 * How long a job of a queue without acknowledgements may wait and be in transit when there is no
 * fault.
 */
const TRANSIT_MS = 5_000;
const BACKLOG_EVERY_MS = 1_000;

/**
 * Queues: every way to send, and consumers that acknowledge, reject, requeue, leave, and let leases
 * expire.
 */
export async function queuesLoad(world: World): Promise<Load> {
  const { findings, stop, windows } = world;
  const autoLatency = new Latency("jobs-auto");
  const leave = new AbortController();
  const produce = (name: string, line: LineName, rate: number, step = 1) => world.producer(name, line, rate, 100, step);
  const ordered = produce("jobs-ordered", "north", 50);
  const pipelined = produce("jobs-pipelined", "east", 20);
  const calls = produce("jobs-calls", "south", 20);
  const batches = produce("jobs-batches", "north", 50, BATCH);
  const auto = produce("jobs-auto", "east", 20);
  const nexts = produce("jobs-next", "south", 20);
  const fetched = produce("jobs-fetched", "east", 20);
  const jobs = new Jobs([ordered, pipelined, calls, batches, nexts], findings, windows);
  const autoReceiver = new Receiver("queue that acknowledges by itself", ["south"], [auto], findings);
  const fetcher = new Receiver("queue that is received from", ["east"], [fetched], findings);
  const clients = {
    north: world.client("north", "queues-north"),
    east: world.client("east", "queues-east"),
    south: world.client("south", "queues-south"),
  };
  /** Has no loop: only its calls notice a connection that died in silence. */
  const callsAlone = world.client("east", "queues-calls-alone");

  const { consumer, processor, nexter, leaver, leaser, batcher } = queueConsumers(world, clients, jobs);

  const autoConsumer: Consumer = async (signal) => {
    const request = { channel: AUTO, settle: "on-delivery", prefetch: 10 } as const;
    for await (const message of clients.south.queues.consume(request, { signal }) as Subscription<{ text(): string }>) {
      const taken = autoReceiver.take(message.text());
      if (taken !== undefined) autoLatency.since(taken.producer.intendedAt(taken.number));
    }
  };

  /**
   * Receives by calls: the server acknowledges on delivery, so a message whose response is lost is
   * lost.
   */
  const fetch: Consumer = async (signal) => {
    while (!signal.aborted) {
      try {
        const messages = await clients.east.queues.receive({ channel: FETCHED, max: 20, waitSeconds: 1 }, { signal });
        for (const message of messages) fetcher.take(message.text());
      } catch (error) {
        if (signal.aborted) return;
        if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT")) throw error;
        await sleep(100);
      }
    }
  };

  const consumers = [
    consumer("east", JOBS, 32),
    consumer("south", JOBS, 1),
    processor("south", JOBS, 8),
    leaver("north", JOBS),
    leaser("north", LEASES, true, 4),
    leaser("south", LEASES, false, 1),
    batcher("east", BATCHES),
    nexter("north", NEXT),
    consumer("north", DEAD, 4),
    autoConsumer,
    fetch,
  ].map((run) =>
    run(leave.signal).catch((error: unknown) => findings.add("unexpected", `a consumer ended: ${String(error)}`)),
  );

  const job = (producer: Producer, channel: string, number: number): OutgoingQueueMessage => ({
    channel,
    body: producer.body(number),
    policy,
  });
  const publish = async (producer: Producer, client: KubeMQClient, channel: string, isOrdered: boolean) => {
    await using publisher = client.queues.publisher({ ordered: isOrdered });
    await producer.run(stop, async (number) => {
      await publisher.send(job(producer, channel, number));
    });
  };
  const produced = Promise.all([
    publish(ordered, clients.north, JOBS, true),
    publish(pipelined, clients.east, LEASES, false),
    calls.run(stop, (number) => clients.south.queues.send(job(calls, JOBS, number))),
    batches.run(stop, (first) => {
      const messages = Array.from({ length: BATCH }, (_, at) => job(batches, BATCHES, first + at));
      return sendBatch(clients.north, messages);
    }),
    nexts.run(stop, (number) => clients.south.queues.send(job(nexts, NEXT, number))),
    fetched.run(stop, (number) => callsAlone.queues.send({ channel: FETCHED, body: fetched.body(number) })),
    auto.run(stop, (number) => clients.east.queues.send({ channel: AUTO, body: auto.body(number) })),
  ]);

  /** Only jobs unsettled when the broker lost its memory can have been lost with it. */
  const isLost = (producer: Producer, number: number) => world.lostMemorySince(producer.intendedAt(number));
  const waiting = async () => {
    const { queues } = (await world.broker.stats()).messages;
    return Object.entries(queues).filter(([name, count]) => name.startsWith("soak-") && count > 0);
  };
  /**
   * The largest number of waiting messages per queue. A message that waits long behind few others
   * is stuck.
   */
  const most = new Map<string, number>();
  const watch = async () => {
    while (!leave.signal.aborted) {
      for (const [name, count] of await waiting().catch(() => [])) most.set(name, Math.max(most.get(name) ?? 0, count));
      await sleep(BACKLOG_EVERY_MS);
    }
  };
  const watching = watch();
  return {
    name: "queues",
    produced,
    async settle() {
      const isDrained = async () => jobs.open(isLost) === 0 && (await waiting()).length === 0;
      await until("the queues are empty", isDrained, DRAIN_MS).catch(async () => {
        for (const [name, count] of await waiting()) findings.add("stuck", `${count} messages stay in ${name}`);
      });
      leave.abort();
      await Promise.all(consumers);
      await watching;
    },
    reconcile() {
      /** A message acknowledged on delivery is lost when the connection breaks. */
      const received = (receiver: Receiver, producer: Producer, lines: readonly LineName[]) => {
        const missing = receiver.missing((_, number) => {
          const until = (producer.doneAt[number] ?? 0) + TRANSIT_MS;
          return windows.overlap(lines, producer.intendedAt(number), until);
        });
        return (
          `${producer.name}: ${producer.sent} sent, ${producer.count(Outcome.confirmed)} confirmed, ${receiver.total()} received, ` +
          `${missing} confirmed ones lost on the way in downtime`
        );
      };
      return [
        ...jobs.reconcile(isLost),
        received(autoReceiver, auto, ["east", "south"]),
        `  ${autoLatency.line()}`,
        received(fetcher, fetched, ["east"]),
        // A consumer receives at most half of its prefetch per round trip, and a single message
        // under a lease. With long round trips, on a busy machine or a delayed line, it falls
        // behind, and messages wait for those before them.
        `waiting at most: ${[...most].map(([name, count]) => `${count} in ${name}`).join(", ") || "none"}`,
      ];
    },
  };
}

async function sendBatch(client: KubeMQClient, messages: readonly OutgoingQueueMessage[]): Promise<void> {
  for (const result of await client.queues.sendBatch(messages)) {
    if (!result.ok) throw new KubeMQError("REJECTED_BY_SERVER", result.error.message, { cause: result.error });
  }
}
