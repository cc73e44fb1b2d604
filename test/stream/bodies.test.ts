import { describe, expect, test } from "@jest/globals";
import { forEachConcurrent, KubeMQClient, type Telemetry } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { settle } from "../support/fake-clock.js";
import { QueueWorld } from "../support/queue-world.js";
import { until, within } from "../support/until.js";

/** Bodies that stand until the test lets each of them go. */
class Bodies {
  readonly #open = new Map<string, (error?: Error) => void>();

  readonly work = (message: { text(): string }): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#open.set(message.text(), (error) => (error === undefined ? resolve() : reject(error)));
    });

  get running(): string[] {
    return [...this.#open.keys()];
  }

  async run(count: number): Promise<void> {
    await until(`${count} bodies run`, () => this.#open.size === count);
  }

  finish(body: string, error?: Error): void {
    const end = this.#open.get(body);
    this.#open.delete(body);
    end?.(error);
  }
}

describe("settle on-next with several bodies at a time", () => {
  test("on-next acknowledges a message when its own body has finished, not when another one is requested", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["a", "b", "c", "d"]);
    const held = async () => (await world.client.queues.info("jobs")).queues[0]?.waiting;
    const bodies = new Bodies();
    const jobs = world.client.queues.consume({ channel: "jobs", prefetch: 3, settle: "on-next" });
    const loop = forEachConcurrent(jobs, 3, bodies.work);
    await bodies.run(3);
    expect(await held()).toBe(4);
    bodies.finish("b");
    await until("b is acknowledged", async () => (await held()) === 3);
    await bodies.run(3);
    expect(bodies.running).toEqual(["a", "c", "d"]);
    expect(await held()).toBe(3);
    for (const body of ["d", "a", "c"]) bodies.finish(body);
    await until("all are acknowledged", async () => (await held()) === 0);
    await jobs.close();
    await loop;
  });

  test("on-next returns the message whose body failed, and acknowledges those that finished", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["a", "b", "c"]);
    const bodies = new Bodies();
    const jobs = world.client.queues.consume({ channel: "jobs", prefetch: 3, settle: "on-next" });
    const loop = forEachConcurrent(jobs, 3, bodies.work);
    await bodies.run(3);
    bodies.finish("a", new Error("a failed"));
    await settle();
    bodies.finish("c");
    bodies.finish("b");
    await expect(loop).rejects.toThrow("a failed");
    const left = await world.client.queues.receive({ channel: "jobs", max: 1 });
    expect(left.map((message) => message.text())).toEqual(["a"]);
    expect((await world.client.queues.info("jobs")).queues[0]?.waiting).toBe(0);
  });

  test("close() awaited in one of several bodies does not wait for it, and its message is acknowledged", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["a", "b", "c"]);
    const jobs = world.client.queues.consume({ channel: "jobs", prefetch: 2, settle: "on-next" });
    await forEachConcurrent(jobs, 2, async (job) => {
      if (job.text() === "b") await within(1_000, "close()", jobs.close());
    });
    await jobs.closed;
    const left = await world.client.queues.receive({ channel: "jobs", max: 1 });
    expect(left.map((message) => message.text())).toEqual(["c"]);
  });
});

test("a body that fails while forEachConcurrent waits for the next item ends it at once", async () => {
  await using world = await QueueWorld.start();
  await world.fill("jobs", ["a"]);
  const bodies = new Bodies();
  const jobs = world.client.queues.consume({ channel: "jobs", prefetch: 4 });
  const loop = forEachConcurrent(jobs, 4, bodies.work);
  await bodies.run(1);
  bodies.finish("a", new Error("a failed"));
  await expect(within(2_000, "the end of the loop", loop)).rejects.toThrow("a failed");
  const [back] = await world.client.queues.receive({ channel: "jobs" });
  expect([back?.text(), back?.receiveCount]).toEqual(["a", 1]);
});

describe("the position of a store subscription with several bodies at a time", () => {
  test("position is the sequence of the last event with no unfinished one before it", async () => {
    await using broker = await startBroker();
    await using client = await KubeMQClient.connect({ address: broker.address });
    for (let at = 1; at <= 5; at++) await client.eventsStore.publish({ channel: "ledger", body: String(at) });
    const bodies = new Bodies();
    const events = client.eventsStore.subscribe({ channel: "ledger", start: { from: "first" } });
    const loop = forEachConcurrent(events, 4, bodies.work);
    await bodies.run(4);
    expect(events.position).toBeUndefined();
    const positions: unknown[] = [];
    for (const body of ["2", "1", "4", "5", "3"]) {
      await until(`the body of ${body} runs`, () => bodies.running.includes(body));
      bodies.finish(body);
      await settle();
      positions.push(events.position);
    }
    expect(positions).toEqual([undefined, 2n, 2n, 2n, 5n]);
    await events.close();
    await loop;
  });

  test("position stays before an event whose body failed", async () => {
    await using broker = await startBroker();
    await using client = await KubeMQClient.connect({ address: broker.address });
    for (let at = 1; at <= 3; at++) await client.eventsStore.publish({ channel: "ledger", body: String(at) });
    const bodies = new Bodies();
    const events = client.eventsStore.subscribe({ channel: "ledger", start: { from: "first" } });
    const loop = forEachConcurrent(events, 3, bodies.work);
    await bodies.run(3);
    bodies.finish("1");
    bodies.finish("2", new Error("the disk is full"));
    bodies.finish("3");
    await expect(loop).rejects.toThrow("the disk is full");
    expect(events.position).toBe(1n);
  });
});

test("an observer sees each concurrent body end with its own work and its own error", async () => {
  await using broker = await startBroker();
  const seen: string[] = [];
  const telemetry: Telemetry = {
    observe: () => ({
      begin({ type, messages }) {
        const [message] = messages as readonly { text?: () => string }[];
        return {
          carry: (tags) => ({ ...tags }),
          run: (work) => work(),
          end(outcome) {
            if (type !== "process") return;
            const error = outcome?.failure?.error as Error | undefined;
            seen.push(`${message?.text?.()} ${error?.message ?? "done"}`);
          },
        };
      },
    }),
  };
  await using client = await KubeMQClient.connect({ address: broker.address, telemetry });
  await client.queues.sendBatch(["a", "b", "c"].map((body) => ({ channel: "jobs", body })));
  const bodies = new Bodies();
  const jobs = client.queues.consume({ channel: "jobs", prefetch: 3, settle: "on-next" });
  const loop = forEachConcurrent(jobs, 3, bodies.work);
  await bodies.run(3);
  expect(seen).toEqual([]);
  bodies.finish("b");
  await until("b has ended", () => seen.length === 1);
  bodies.finish("a", new Error("no room"));
  await settle();
  bodies.finish("c");
  await expect(loop).rejects.toThrow("no room");
  expect(seen).toEqual(["b done", "c done", "a no room"]);
});
