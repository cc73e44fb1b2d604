import type { Direction } from "../support/tcp-proxy.js";
import { sleep } from "../support/until.js";
import { LINES, type Line, type LineName } from "./lines.js";
import type { Pulse } from "./pulse.js";
import type { World } from "./world.js";

/**
 * How long the clients may take to recover: the broken connection must be detected, then the
 * longest back-off passes twice. Time in which the machine was busy is not counted.
 */
const RECOVERY_MS = 15_000;
const MAX_RECOVERY_MS = 60_000;
/** A new stream delivers only what the broker sends after it has registered the stream. */
const SETTLE_MS = 1_000;
const STREAMS = [
  "SubscribeToEvents",
  "SubscribeToRequests",
  "SendEventsStream",
  "QueuesDownstream",
  "QueuesUpstream",
  "StreamQueueMessage",
] as const;
/** Status codes after which a stream is opened again: OK, CANCELLED, UNAVAILABLE. */
const CODES = [0, 1, 14] as const;

interface Trouble {
  readonly code: number;
  readonly message: string;
}

/**
 * How proxies and servers in trouble end the streams of loops. Those of sends end with errors that
 * say less about the outcome.
 */
const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  { code: 4, message: "upstream request timeout" },
  { code: 2, message: "stream timeout" },
  { code: 12, message: "unexpected HTTP status code received from server: 404 (Not Found)" },
  { code: 13, message: "stream terminated by RST_STREAM with error code: INTERNAL_ERROR" },
  { code: 13, message: "stan: publish request timeout" },
  { code: 2, message: "nats: stale connection" },
];
const LOOPS = ["SubscribeToEvents", "SubscribeToRequests", "QueuesDownstream"] as const;

/** HTTP_1_1_REQUIRED, the highest named code. */
const MAX_RESET_CODE = 13;

interface FaultKind {
  readonly name: string;
  /** Whether the fault affects the given lines or the whole broker. */
  readonly on: "lines" | "broker";
  strike(lines: readonly Line[]): Promise<void>;
}

/**
 * Injects random faults into lines and broker, one at a time, and waits after each until every
 * client has recovered.
 */
export class FaultPlay {
  readonly counts = new Map<string, number>();
  longestRecoveryMs = 0;
  readonly #world: World;
  readonly #pulse: Pulse;
  readonly #random;
  readonly #kinds: readonly [FaultKind, ...FaultKind[]];

  constructor(world: World, pulse: Pulse) {
    this.#world = world;
    this.#pulse = pulse;
    this.#random = world.random("faults");
    this.#kinds = this.#repertoire();
  }

  async run(killAt: number): Promise<void> {
    const { stop } = this.#world;
    await this.#calm(3_000);
    while (!stop.aborted) {
      const isKill = this.#world.kills.length === 0 && performance.now() >= killAt;
      if (isKill) this.#world.isKillDue = true;
      await (isKill ? this.#kill() : this.#strike(this.#random.pick(this.#kinds)));
      await this.#calm(this.#random.between(500, 5_000));
    }
  }

  line(): string {
    const counts = [...this.counts].map(([name, count]) => `${count} ${name}`);
    const total = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    return `${total} faults (${counts.join(", ")}); longest recovery ${Math.round(this.longestRecoveryMs)} ms`;
  }

  async #strike(kind: FaultKind): Promise<void> {
    const names = kind.on === "broker" ? [...LINES] : this.#random.some(LINES);
    await this.#during(kind.name, names, () => kind.strike(names.map((name) => this.#world.lines.line(name))));
  }

  /** SIGKILL: the broker restarts on its port with an empty memory. */
  async #kill(): Promise<void> {
    const { broker, kills } = this.#world;
    await this.#calm(500);
    return this.#during("kill -9", LINES, async () => {
      await broker.kill();
      // Messages sent before the process was gone may still have been stored by it.
      kills.push(performance.now());
      await broker.start();
    });
  }

  async #during(name: string, lines: readonly LineName[], strike: () => Promise<void>): Promise<void> {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const ends = lines.map((line) => this.#world.windows.begin(line));
    try {
      await strike();
      await this.#recover(name);
    } finally {
      for (const end of ends) end();
    }
  }

  async #recover(name: string): Promise<void> {
    const from = performance.now();
    const busyBefore = this.#pulse.busyMs;
    // A broken connection is noticed at once, but not in the same tick.
    await sleep(100);
    while (!this.#world.isHealthy) {
      const tookMs = performance.now() - from;
      if (tookMs - (this.#pulse.busyMs - busyBefore) > RECOVERY_MS || tookMs > MAX_RECOVERY_MS) {
        this.#world.findings.add("stuck", `after ${name}, within ${Math.round(tookMs)} ms: ${this.#world.states()}`);
        break;
      }
      await sleep(20);
    }
    this.longestRecoveryMs = Math.max(this.longestRecoveryMs, performance.now() - from);
    await sleep(SETTLE_MS);
  }

  /**
   * All clients of this process stand still. Their connections live, so that none may be given up. A
   * client also closes a connection that the server has asked to leave, when its last stream has
   * ended: then no stream breaks.
   */
  async #block(ms: number): Promise<void> {
    const { findings, lines } = this.#world;
    const from = Date.now();
    const begin = performance.now();
    while (performance.now() < begin + ms);
    await sleep(1_000);
    for (const name of LINES) {
      if (!this.#world.hasBroken(name, begin)) continue;
      for (const { at, by, how, openMs } of await lines.line(name).closedSince(from)) {
        if (by !== "client") continue;
        const when = `${at - from} ms after the begin of ${ms} ms without a turn of the event loop`;
        findings.add("unexpected", `${name}: a connection of ${openMs} ms was given up ${when} (${how})`);
      }
    }
  }

  async #calm(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end && !this.#world.stop.aborted) await sleep(50);
  }

  #repertoire(): [FaultKind, ...FaultKind[]] {
    const random = this.#random;
    const { broker } = this.#world;
    const pause = (least: number, most: number) => sleep(random.between(least, most));
    const direction = () => random.pick<Direction>(["up", "down", "both"]);
    const onLines = (name: string, strike: (line: Line) => Promise<unknown>): FaultKind => ({
      name,
      on: "lines",
      strike: async (lines) => void (await Promise.all(lines.map(strike))),
    });
    const onBroker = (name: string, strike: () => Promise<unknown>): FaultKind => ({
      name,
      on: "broker",
      strike: async () => void (await strike()),
    });
    const fault = (method: string, ...args: unknown[]) => broker.call(["faults", method], ...args);
    return [
      onLines("RST", async (line) => line.reset()),
      onLines("FIN", async (line) => line.fin()),
      onLines("half-open", async (line) => {
        await line.drop(direction());
        await pause(500, 6_000);
        await line.restore();
      }),
      onLines("pause", async (line) => {
        await line.pause(direction());
        await pause(200, 3_000);
        await line.resume();
      }),
      onLines("delay", async (line) => {
        await line.delay(random.between(10, 200));
        await pause(500, 3_000);
        await line.delay(0);
      }),
      onLines("refusal", async (line) => {
        await line.refuse();
        await line.reset();
        await pause(200, 2_000);
        await line.accept();
      }),
      onLines("flapping", async (line) => {
        for (let times = random.between(2, 6); times > 0; times--) {
          await line.refuse();
          await line.reset();
          await sleep(300);
          await line.accept();
          await sleep(200);
        }
      }),
      onBroker("dropped connections", () => fault("dropConnections")),
      onBroker("GOAWAY", () => fault("goAway")),
      onBroker("GOAWAY 11", () => fault("goAway", { code: 11, reason: "too_many_pings" })),
      // Not with a lastStreamId: it would say that calls have not been processed which have been, and the
      // client makes such calls once more.
      onBroker("ended streams", () => fault("endStreams", { rpc: random.pick(STREAMS), code: random.pick(CODES) })),
      onBroker("statuses of proxies", () => fault("endStreams", { rpc: random.pick(LOOPS), ...random.pick(TROUBLES) })),
      onBroker("blocked event loop", async () => this.#block(random.between(1_000, 5_000))),
      onBroker("RST_STREAM", () => {
        return fault("resetStreams", { rpc: random.pick(STREAMS), code: random.between(0, MAX_RESET_CODE) });
      }),
      onBroker("CloseByServer", () => fault("closeByServer")),
      onBroker("slow replies", async () => {
        await fault("delayReplies", random.between(10, 150));
        await pause(300, 2_000);
        await fault("delayReplies", 0);
      }),
      onBroker("unread requests", async () => {
        await fault("pauseReading");
        await pause(300, 3_000);
        await fault("resumeReading");
      }),
      onBroker("unsent replies", async () => {
        await fault("pauseWriting");
        await pause(300, 3_000);
        await fault("resumeWriting");
      }),
      onBroker("restart", () => fault("restart", { keepMemory: true, downMs: random.between(0, 2_000) })),
    ];
  }
}
