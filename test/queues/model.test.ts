import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { numbers, QueueWorld } from "../support/queue-world.js";
import { until } from "../support/until.js";

type Step =
  | { readonly do: "send"; readonly count: number }
  | {
      readonly do: "consume";
      readonly prefetch: number;
      readonly by: "transaction" | "lease";
      readonly settle: readonly ("ack" | "reject" | "requeue")[];
      readonly leave: "break" | "abort" | "close" | "crash";
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    do: fc.constant("consume" as const),
    prefetch: fc.integer({ min: 1, max: 4 }),
    by: fc.constantFrom("transaction" as const, "lease" as const),
    settle: fc.array(fc.constantFrom("ack" as const, "reject" as const, "requeue" as const), { maxLength: 6 }),
    leave: fc.constantFrom("break" as const, "abort" as const, "close" as const, "crash" as const),
  }),
);

const MAX_RECEIVE_COUNT = 3;
const RUNS = 50;

/** The model of a queue: messages in order, each with its number of earlier deliveries. */
interface Entry {
  readonly body: string;
  readonly count: number;
}

class Model {
  queue: Entry[] = [];
  other = 0;
  dead = 0;

  settle(how: "ack" | "reject" | "requeue"): void {
    const entry = this.queue.shift();
    if (entry === undefined) return;
    if (how === "requeue") this.other += 1;
    if (how !== "reject") return;
    const count = entry.count + 1;
    if (count < MAX_RECEIVE_COUNT) this.queue.push({ ...entry, count });
    else this.dead += 1;
  }

  /** Leaving a leased message counts as a rejection. */
  drop(): void {
    this.settle("reject");
  }
}

test("the client agrees with a model of a queue for any sends, settlements, exits and crashes", async () => {
  await using world = await QueueWorld.start({}, { reconnect: { initialDelayMs: 5, maxDelayMs: 50 } });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
      run += 1;
      const channel = `q${run}`;
      const model = new Model();
      let sent = 0;
      const policy = { deadLetter: { queue: `${channel}.dead`, maxReceiveCount: MAX_RECEIVE_COUNT } };
      for (const step of steps) {
        if (step.do === "send") {
          const bodies = numbers(step.count).map(() => String(sent++));
          await world.client.queues.sendBatch(bodies.map((body) => ({ channel, body, policy })));
          model.queue.push(...bodies.map((body) => ({ body, count: 0 })));
        } else if (model.queue.length > 0) await consume(world, channel, model, step);
        await compare(world, channel, model);
      }
    }),
    { numRuns: RUNS },
  );
  expect(run).toBe(RUNS);
}, 60_000);

async function consume(world: QueueWorld, channel: string, model: Model, step: Extract<Step, { do: "consume" }>) {
  const stop = new AbortController();
  const { queues } = world.client;
  // An abandoned lease moves to the end of the queue, so prefetched leases would change the order
  // at random.
  const subscription =
    step.by === "lease"
      ? queues.consume({ channel, visibilitySeconds: 30 }, { signal: stop.signal })
      : queues.consume({ channel, prefetch: step.prefetch }, { signal: stop.signal });
  const todo = [...step.settle];
  let closing: Promise<void> | undefined;
  for await (const job of subscription) {
    const expected = model.queue[0];
    expect([job.text(), job.receiveCount]).toEqual([expected?.body, (expected?.count ?? 0) + 1]);
    const how = todo.shift();
    if (how === undefined) {
      // The last message is left unsettled in its body.
      if (step.leave === "crash") await world.broker.faults.dropConnections();
      if (step.by === "lease") model.drop();
      break;
    }
    await (how === "requeue" ? job.requeue(`${channel}.other`) : job[how]());
    model.settle(how);
    if (model.queue.length > 0 && (todo.length > 0 || step.leave === "break" || step.leave === "crash")) continue;
    if (step.leave === "close") closing = subscription.close();
    else stop.abort();
  }
  await closing;
  await subscription.closed;
  // After a crash a call may still use the lost connection.
  const answers = () =>
    world.client.ping().then(
      () => true,
      () => false,
    );
  await until("the server answers", answers);
}

async function compare(world: QueueWorld, channel: string, model: Model) {
  const counts = () => {
    const { queues } = world.broker.stats().messages;
    return [channel, `${channel}.other`, `${channel}.dead`].map((name) => queues[name] ?? 0);
  };
  const expected = [model.queue.length, model.other, model.dead];
  await until(`${counts().join()} becomes ${expected.join()}`, () => counts().join() === expected.join(), 2_000);
  if (model.queue.length === 0) return;
  const seen = await world.client.queues.peek({ channel, max: model.queue.length });
  expect(seen.map((message) => [message.text(), message.receiveCount])).toEqual(
    model.queue.map(({ body, count }) => [body, count + 1]),
  );
}
