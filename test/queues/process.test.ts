import { describe, expect, test } from "@jest/globals";
import { type Delivery, KubeMQClient, type ProcessOptions, type Status } from "kubemq-es";
import { ManualClock, startBroker, type Broker } from "kubemq-es/testing";
import { FakeClock } from "../support/fake-clock.js";
import { QueueWorld } from "../support/queue-world.js";
import { rejection, until, within } from "../support/until.js";

/** Valid and invalid return values of a handler. */
type Handler = (message: Delivery) => unknown;

/** Processes a queue until the test has seen enough. */
class Work implements AsyncDisposable {
  readonly worked: string[] = [];
  readonly #service;

  constructor(
    readonly client: KubeMQClient,
    handler: Handler,
    options: ProcessOptions<Delivery> = {},
    request: { channel: string; prefetch?: number } = { channel: "jobs" },
  ) {
    const work = (message: Delivery) => {
      this.worked.push(message.text());
      return handler(message) as "ack";
    };
    this.#service = client.queues.process(request, work, options);
  }

  until(what: string, condition: (worked: readonly string[]) => boolean): Promise<void> {
    return until(what, () => condition(this.worked));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await within(3_000, "the end of the service", this.#service.close());
  }
}

/**
 * The remaining messages of the queue, held ones included; a peek for more than there are would
 * wait for a second.
 */
async function left(world: QueueWorld): Promise<string[]> {
  const { queues } = world.client;
  const max = (await queues.info("jobs")).queues[0]?.waiting ?? 0;
  const waiting = max === 0 ? [] : await queues.peek({ channel: "jobs", max });
  return waiting.map((message) => message.text());
}

const failures = (status: readonly Status[]) => status.filter(({ type }) => type === "handler-failed");

describe("the return value of a process handler", () => {
  test.each<[string, unknown]>([
    ["a requeue to a name with white space", { requeue: "jobs done" }],
    ["a requeue to a wildcard", { requeue: "jobs.>" }],
    ["a requeue to a name with a slash", { requeue: "dead/jobs" }],
    ["a requeue to no name", { requeue: "" }],
    ["a requeue to a number", { requeue: 7 }],
    ["false", false],
    ["a number", 0],
    ["another word", "done"],
    ["an object of the application", { ok: true }],
    ["a list", ["ack"]],
    ["a delay of a fraction", { reject: { delaySeconds: 0.5 } }],
    ["a delay without a number", { reject: {} }],
  ])("%s: the failure is reported, the message returned, and the queue continues", async (_, returned) => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["bad", "good", "last"]);
    const told: unknown[] = [];
    {
      await using work = new Work(world.client, (job) => (job.text() === "bad" ? returned : undefined), {
        onError: (error, job) => void told.push([(error as { code?: string }).code, job.text()]),
      });
      await work.until("the others are worked on", (worked) => worked.includes("last"));
    }
    expect(await left(world)).toEqual(["bad"]);
    expect(told[0]).toEqual(["INVALID_ARGUMENT", "bad"]);
    await until("the status says so", () => failures(world.status).length > 0);
    expect(failures(world.status)[0]).toMatchObject({ channel: "jobs", kind: "queues", outcome: "retried" });
    expect(world.settleFailures()).toEqual([]);
  });

  test("a delayed rejection holds the message and frees its handler", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["later", "now"]);
    {
      await using work = new Work(world.client, (job) =>
        job.text() === "later" ? { reject: { delaySeconds: 300 } } : undefined,
      );
      await work.until("the next is worked on", (worked) => worked.length === 2);
      await until("only the first is held", async () => {
        const [queue] = (await world.client.queues.info("jobs")).queues;
        return queue?.waiting === 1;
      });
    }
    const [back] = await world.client.queues.peek({ channel: "jobs" });
    expect([back?.text(), back?.receiveCount]).toEqual(["later", 2]);
  });
});

/** A broker and a client whose clock the test advances. */
class StoppedTime implements AsyncDisposable {
  readonly client: KubeMQClient;
  readonly #clock = new FakeClock();

  private constructor(
    private readonly broker: Broker,
    private readonly brokerClock: ManualClock,
  ) {
    this.client = new KubeMQClient({ address: broker.address }, { clock: this.#clock, random: () => 0 });
  }

  static async start(): Promise<StoppedTime> {
    const clock = new ManualClock();
    return new StoppedTime(await startBroker({ clock }), clock);
  }

  async pass(ms: number): Promise<void> {
    this.brokerClock.advance(ms);
    await this.#clock.advance(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client.close(), this.pass(10_000)]);
    await this.broker.close();
  }
}

describe("a process handler that throws", () => {
  test("a failed message is retried after delays that double up to the maximum", async () => {
    await using world = await StoppedTime.start();
    await world.client.queues.send({ channel: "jobs", body: "poison" });
    await using work = new Work(world.client, () => Promise.reject(new Error("no")), {
      retry: { delay: { initialDelayMs: 30, maxDelayMs: 200, jitter: 0 } },
    });
    for (const [at, delayMs] of [30, 60, 120, 200, 200].entries()) {
      await work.until(`delivery ${at + 1}`, (worked) => worked.length === at + 1);
      await world.pass(delayMs - 1);
      expect(work.worked.length).toBe(at + 1);
      await world.pass(1);
    }
  });

  test("a failing message is delivered a few times per second by default, not a thousand times", async () => {
    await using world = await StoppedTime.start();
    await world.client.queues.send({ channel: "jobs", body: "poison" });
    await using work = new Work(world.client, () => Promise.reject(new Error("no")));
    await work.until("the first delivery", (worked) => worked.length === 1);
    for (let ms = 0; ms < 1_000; ms += 10) await world.pass(10);
    expect(work.worked.length).toBeGreaterThan(1);
    expect(work.worked.length).toBeLessThan(8);
  });

  test("a message waiting for its rejection gives up its place after a second when no place is free", async () => {
    await using world = await StoppedTime.start();
    for (const body of ["one", "two", "three"]) await world.client.queues.send({ channel: "jobs", body });
    const retry = { delay: { initialDelayMs: 60_000, maxDelayMs: 60_000 } };
    await using work = new Work(
      world.client,
      (job) => (job.text() === "three" ? undefined : Promise.reject(new Error("no"))),
      { retry },
      { channel: "jobs", prefetch: 2 },
    );
    await work.until("both places wait", (worked) => worked.length === 2);
    await world.pass(999);
    expect(work.worked).toEqual(["one", "two"]);
    await world.pass(1);
    await work.until("the third is worked on", (worked) => worked.length === 3);
    expect(work.worked).toEqual(["one", "two", "three"]);
  });

  test("a message that fails maxAttempts times moves to the dead-letter queue with the reason", async () => {
    await using world = await QueueWorld.start();
    await world.client.queues.send({
      id: "m-1",
      channel: "jobs",
      body: "poison",
      metadata: "from a test",
      tags: { kept: "yes" },
    });
    const retry = { maxAttempts: 3, exhausted: { deadLetter: "jobs.dead" }, delay: { initialDelayMs: 5 } } as const;
    let dead;
    {
      await using work = new Work(world.client, () => Promise.reject(new Error("no such customer")), { retry });
      [dead] = await world.client.queues.receive({ channel: "jobs.dead", waitSeconds: 5 });
      expect(work.worked.length).toBe(3);
    }
    expect(dead).toMatchObject({
      id: "m-1",
      metadata: "from a test",
      tags: {
        kept: "yes",
        "dead-letter-reason": "no such customer",
        "dead-letter-channel": "jobs",
        "dead-letter-attempts": "3",
      },
    });
    expect(dead?.text()).toBe("poison");
    expect(await left(world)).toEqual([]);
    await until("the status says so", () => failures(world.status).length === 3);
    expect(failures(world.status).map((status) => "outcome" in status && status.outcome)).toEqual([
      "retried",
      "retried",
      "dead-lettered",
    ]);
  });

  test('a message that fails maxAttempts times is dropped with exhausted: "drop"', async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["poison", "fine"]);
    {
      const fail = (job: Delivery) => (job.text() === "fine" ? undefined : Promise.reject(new Error("no")));
      await using work = new Work(world.client, fail, { retry: { maxAttempts: 1, exhausted: "drop" } });
      await work.until("both were worked on", (worked) => worked.length === 2);
    }
    expect(await left(world)).toEqual([]);
    await until("the status says so", () => failures(world.status).length === 1);
    expect(failures(world.status)[0]).toMatchObject({ outcome: "dropped" });
  });

  test("a failed message stays in its queue when the dead-letter queue refuses it", async () => {
    await using world = await QueueWorld.start({}, { maxMessageBytes: 1_000 });
    await world.fill("jobs", ["x".repeat(700)]);
    const retry = { maxAttempts: 1, exhausted: { deadLetter: "jobs.dead" } } as const;
    {
      await using work = new Work(world.client, () => Promise.reject(new Error("y".repeat(600))), { retry });
      await work.until("it was tried again", (worked) => worked.length > 1);
    }
    expect(await left(world)).toEqual(["x".repeat(700)]);
    expect(world.settleFailures()).toContain("INVALID_ARGUMENT");
  });

  test("a handler's error after its own settlement does not settle the message again", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["a"]);
    {
      await using work = new Work(world.client, async (job) => {
        await job.ack();
        throw new Error("afterwards");
      });
      await until("it is told", () => failures(world.status).length === 1);
      expect(work.worked).toEqual(["a"]);
    }
    expect(await left(world)).toEqual([]);
  });
});

describe("process refuses invalid options", () => {
  test.each<[string, ProcessOptions, string]>([
    ["an end without a number", { retry: { exhausted: "drop" } }, "need each other"],
    [
      "its own queue for dead letters",
      { retry: { maxAttempts: 3, exhausted: { deadLetter: "jobs" } } },
      "must be another queue",
    ],
    ["a number without an end", { retry: { maxAttempts: 3 } }, "need each other"],
    ["no attempts", { retry: { maxAttempts: 0, exhausted: "drop" } }, "retry.maxAttempts must be"],
    ["another end", { retry: { maxAttempts: 1, exhausted: "ignore" as never } }, "retry.exhausted must be"],
    [
      "a dead-letter queue that no queue can be called",
      { retry: { maxAttempts: 1, exhausted: { deadLetter: "dead/jobs" } } },
      "retry.exhausted.deadLetter must not",
    ],
    ["a delay that shrinks", { retry: { delay: { initialDelayMs: 50, maxDelayMs: 20 } } }, "retry.delay.maxDelayMs"],
    ["more than random", { retry: { delay: { jitter: 1.5 } } }, "retry.delay.jitter"],
    ["no time to drain", { drainTimeoutMs: 0 }, "drainTimeoutMs must be"],
  ])("%s", async (_, options, text) => {
    await using client = new KubeMQClient();
    const process = () => client.queues.process({ channel: "jobs" }, () => {}, options);
    expect(process).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(text) }),
    );
  });
});

describe("stopping process", () => {
  test.each(["service", "client"] as const)(
    "awaited in a handler, the close() of the %s neither waits for itself nor loses the message",
    async (what) => {
      await using world = await QueueWorld.start();
      await world.fill("jobs", ["a", "b"]);
      const client = world.another();
      const service = client.queues.process({ channel: "jobs" }, async () => {
        await (what === "service" ? service.close() : client.close());
      });
      await within(2_000, "the end of the service", service);
      await within(2_000, "the end of the client", client.close());
      expect(await left(world)).toEqual(["b"]);
    },
  );

  test("process returns and reports messages whose handlers still run after drainTimeoutMs", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["stuck"]);
    const stop = new AbortController();
    let runs = false;
    const service = world.client.queues.process(
      { channel: "jobs" },
      () => {
        runs = true;
        return new Promise(() => {});
      },
      { signal: stop.signal, drainTimeoutMs: 50 },
    );
    await until("it runs", () => runs);
    stop.abort();
    const error = await within(3_000, "the end", rejection(service));
    // Only leased messages have signals that the handler could ignore.
    const message = expect.stringMatching(/^queues\.process on jobs: stopped, but handlers still run after \d+ ms: 1,/);
    expect(error).toMatchObject({ code: "TIMEOUT", channel: "jobs", message });
    expect(await left(world)).toEqual(["stuck"]);
  });

  test.each(["subscription", "client"] as const)(
    "awaited in the body of a loop, the close() of the %s neither waits for itself nor loses the message",
    async (what) => {
      await using world = await QueueWorld.start();
      await world.fill("jobs", ["a", "b"]);
      const client = world.another();
      const subscription = client.queues.consume({ channel: "jobs" });
      for await (const job of subscription) {
        await within(1_500, "close()", what === "subscription" ? subscription.close() : client.close());
        await job.ack();
      }
      await until("the client has closed", () => what === "subscription" || client.state === "closed");
      expect(await left(world)).toEqual(["b"]);
      await client.close();
    },
  );

  test("the signal ends client.close() during process", async () => {
    await using world = await QueueWorld.start();
    await world.fill("jobs", ["stuck"]);
    const client = world.another();
    const stop = new AbortController();
    let runs = false;
    const service = client.queues.process(
      { channel: "jobs" },
      () => {
        runs = true;
        return new Promise(() => {});
      },
      { drainTimeoutMs: 100 },
    );
    const ended = rejection(service);
    await until("it runs", () => runs);
    const closing = client.close({ timeoutMs: 60_000, signal: stop.signal });
    stop.abort();
    await within(1_000, "close()", closing);
    expect(await ended).toMatchObject({ code: "TIMEOUT" });
  });
});
