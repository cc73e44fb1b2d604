import { KubeMQClient, KubeMQError, type ClientOptions, type Status } from "kubemq-es";
import { BrokerProcess } from "../support/broker-process.js";
import { Findings } from "./findings.js";
import { Lines, type LineName } from "./lines.js";
import { sleep } from "../support/until.js";
import { Producer } from "./producer.js";
import { Random } from "../support/random.js";
import { Windows } from "./windows.js";

/** Streams that a connection of the southern line may have: fewer than its clients have subscriptions. */
const SOUTHERN_STREAMS = 4;

/** A silent connection is detected within the sum of the two. */
const keepalive = { intervalMs: 2_000, timeoutMs: 2_000 };
const reconnect = { initialDelayMs: 50, maxDelayMs: 1_000 };
/**
 * After a client has recovered, its subscriptions are still in transit to the broker, which does
 * not confirm them.
 */
const SETTLE_MS = 1_000;

/**
 * How long before the broker is killed a message can have been sent and still wait: queues lag on a
 * busy machine.
 */
const UNFINISHED_MS = 120_000;

/** Connections of a line that close within this time of a loss are named with it. */
const EXPLAIN_MS = 3_000;

/** A connection that a client lost while its line had no fault. */
interface Loss {
  readonly line: LineName;
  readonly from: number;
  readonly to: number;
  why: string;
}

/** A broker in a separate process, lines to it, and clients at their ends. */
export class World implements AsyncDisposable {
  readonly findings = new Findings();
  readonly windows = new Windows();
  /** Times at which the machine was so busy that a live connection may have seemed dead. */
  readonly busy = new Windows();
  readonly statuses = new Map<string, number>();
  /** Times at which the broker was killed and lost its memory. */
  readonly kills: number[] = [];
  isKillDue = false;
  readonly #clients = new Set<KubeMQClient>();
  /** When a stream of a client broke last, by line. */
  readonly #brokenAt = new Map<LineName, number>();
  readonly #complaints = new WeakMap<KubeMQClient, string>();
  readonly #following = new Set<Promise<void>>();
  readonly #unprovoked: Loss[] = [];
  /** The longest time from a loss until ready, in milliseconds, by client. */
  readonly #longest = new Map<string, number>();

  private constructor(
    readonly broker: BrokerProcess,
    readonly lines: Lines,
    /** Stops the producers, the faults and all other sources of new work. */
    readonly stop: AbortSignal,
    readonly seconds: number,
    readonly seed: number,
    /** Share of the full load. */
    readonly load: number,
  ) {}

  static async start(stop: AbortSignal, seconds: number, seed: number, load: number): Promise<World> {
    const broker = await BrokerProcess.start({ slowConsumerMs: 2_000 });
    const lines = await Lines.start(broker.port, SOUTHERN_STREAMS);
    return new World(broker, lines, stop, seconds, seed, load);
  }

  /** A separate random sequence per part, so that one part does not affect the others. */
  random(part: string): Random {
    let hash = this.seed;
    for (const letter of part) hash = Math.imul(hash, 31) + letter.charCodeAt(0);
    return new Random(hash);
  }

  /** A producer with the given rate of messages per second at full load. */
  producer(name: string, line: LineName, rate: number, fillerBytes = 100, step = 1): Producer {
    const scaled = rate * this.load;
    return new Producer(name, line, scaled, Math.ceil(scaled * (this.seconds + 30)), this.findings, fillerBytes, step);
  }

  /**
   * A client on a line. Trouble in its status counts as a fault of the line. A loop that reads slowly
   * learns of the end of its stream late, behind what it has yet to read: `behindSince` returns the
   * time since when it is behind.
   */
  client(
    line: LineName,
    clientId: string,
    options: ClientOptions = {},
    behindSince: () => number = () => performance.now(),
  ): KubeMQClient {
    const address = this.lines.address(line);
    const client = new KubeMQClient({ address, clientId, keepalive, reconnect, timeoutMs: 10_000, ...options });
    this.#clients.add(client);
    const following = this.#follow(line, client, behindSince).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return client;
  }

  /** A client on a line without faults. */
  witness(): KubeMQClient {
    return new KubeMQClient({ address: this.broker.address, clientId: "witness", reconnect });
  }

  async closeClient(client: KubeMQClient): Promise<void> {
    this.#clients.delete(client);
    await client.close();
  }

  get isHealthy(): boolean {
    // Without traffic, a client that only makes calls has no reason to reconnect.
    for (const { state } of this.#clients)
      if (state !== "ready" && !(state === "idle" && this.stop.aborted)) return false;
    return true;
  }

  /** The clients that have not recovered, with their last error. */
  states(): string {
    return [...this.#clients]
      .filter(({ state }) => state !== "ready")
      .map((client) => `${client.clientId} ${client.state} (${this.#complaints.get(client) ?? "without a word"})`)
      .join(", ");
  }

  /** Whether a stream of a client on the line has broken since then, by `performance.now()`. */
  hasBroken(line: LineName, since: number): boolean {
    return (this.#brokenAt.get(line) ?? -Infinity) >= since;
  }

  /** Connections lost while no fault was active, and the machine was not busy. Known at the end. */
  get unprovoked(): readonly string[] {
    return this.#unprovoked.filter(({ line, from, to }) => !this.busy.overlap([line], from, to)).map(({ why }) => why);
  }

  /** Connections lost while the machine was so busy that a ping took longer than the time-out. */
  get lossesOfBusyMachine(): number {
    return this.#unprovoked.length - this.unprovoked.length;
  }

  /**
   * Whether a message sent at this time may have been unfinished when the server lost its memory.
   */
  lostMemorySince(moment: number): boolean {
    return this.kills.some((kill) => kill >= moment && kill - moment < UNFINISHED_MS);
  }

  /** Each client's longest time from the loss of its connection, under any fault, until ready again. */
  recoveries(): string {
    const sorted = [...this.#longest].sort(([, a], [, b]) => b - a);
    return sorted.map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(", ") || "none";
  }

  /** Closes one client after another until the condition holds. Returns the id of the last one. */
  async closeUntil(holds: () => Promise<boolean>): Promise<string | undefined> {
    for (const client of this.#clients) {
      await this.closeClient(client);
      if (await holds()) return client.clientId;
    }
    return undefined;
  }

  async closeClients(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => this.closeClient(client)));
    await Promise.all(this.#following);
  }

  async #follow(line: LineName, client: KubeMQClient, behindSince: () => number): Promise<void> {
    let end: (() => void) | undefined;
    let lostAt = 0;
    for await (const status of client.status()) {
      this.#count(status);
      if (status.type === "retry") {
        this.#complaints.set(client, `attempt ${status.attempt}: ${status.error.message}`);
        this.#brokenAt.set(line, performance.now());
      }
      if (status.type === "gap" && status.lost && this.kills.length === 0) {
        this.findings.add("lost", `${status.channel}: ${status.expected} is gone, received ${status.received}`);
      }
      if (status.type !== "state") continue;
      if (status.state === "reconnecting" && end === undefined) {
        const now = performance.now();
        const isProvoked = this.windows.overlap([line], Math.min(now, behindSince()), now);
        const from = now - keepalive.intervalMs - keepalive.timeoutMs;
        lostAt = now;
        const why = `${client.clientId}: ${status.error?.message}`;
        if (!isProvoked && !isRefusal(why)) void this.#explain({ line, from, to: now, why });
        end = this.windows.begin(line, isProvoked ? now : from);
      }
      if (status.state === "ready" && end !== undefined) {
        const over = end;
        end = undefined;
        const tookMs = performance.now() - lostAt;
        this.#longest.set(client.clientId, Math.max(tookMs, this.#longest.get(client.clientId) ?? 0));
        setTimeout(over, SETTLE_MS).unref();
      }
    }
    end?.();
  }

  /** Records a loss, and which side of its line closed connections at that time. */
  async #explain(loss: Loss): Promise<void> {
    const now = Date.now();
    this.#unprovoked.push(loss);
    await sleep(EXPLAIN_MS);
    const closings = await this.lines.line(loss.line).closedSince(now - EXPLAIN_MS);
    const told = closings.map(({ at, by, how, openMs }) => `${how} by ${by} at ${at - now} ms, open for ${openMs} ms`);
    const late = Math.round(this.windows.since(loss.line, loss.to));
    loss.why += ` (${told.join("; ") || "no connection closed"}; ${late} ms after the last fault)`;
  }

  #count(status: Status): void {
    const name =
      "error" in status && KubeMQError.is(status.error) ? `${status.type} ${status.error.code}` : status.type;
    this.statuses.set(name, (this.statuses.get(name) ?? 0) + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeClients();
    await this.lines[Symbol.asyncDispose]();
    await this.broker.kill();
  }
}

/** On a connection that is too new to have told its limit, a stream can be refused. It is opened again; nothing is lost. */
const isRefusal = (why: string) => why.includes("NGHTTP2_REFUSED_STREAM");

/** One pattern under load. */
export interface Load {
  readonly name: string;
  /** Resolves when its producers have stopped and every send has an outcome. */
  readonly produced: Promise<unknown>;
  /** Waits, with a limit, until every stored message has arrived; then leaves every loop. */
  settle(): Promise<void>;
  /**
   * Compares sent and received messages, and reports violations to the world. Returns lines for the
   * report.
   */
  reconcile(): string[] | Promise<string[]>;
}
