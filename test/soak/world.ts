import { KubeMQClient, type ClientOptions, type Status } from "kubemq-es";
import { BrokerProcess } from "../support/broker-process.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { Findings } from "./findings.js";
import { Producer } from "./producer.js";
import { Random } from "../support/random.js";
import { Windows } from "./windows.js";

export const LINES = ["north", "east", "south"] as const;
export type LineName = (typeof LINES)[number];

/** A connection that is silent is noticed within the two together. */
const keepalive = { intervalMs: 2_000, timeoutMs: 2_000 };
const reconnect = { initialDelayMs: 50, maxDelayMs: 1_000 };
/** After a client is ready again its subscriptions are on their way to the broker, which does not confirm them. */
const SETTLE_MS = 1_000;

/** How long before the broker is killed a message can have been sent and still wait: queues lag on a busy machine. */
const UNFINISHED_MS = 120_000;

/** A broker in a process of its own, lines that lead to it, and clients at their ends. */
export class World implements AsyncDisposable {
  readonly findings = new Findings();
  readonly windows = new Windows();
  readonly statuses = new Map<string, number>();
  /** When the broker was killed and lost its memory. */
  readonly kills: number[] = [];
  isKillDue = false;
  readonly #clients = new Set<KubeMQClient>();
  readonly #complaints = new WeakMap<KubeMQClient, string>();
  readonly #following = new Set<Promise<void>>();
  #unprovoked = 0;

  private constructor(
    readonly broker: BrokerProcess,
    readonly lines: Readonly<Record<LineName, TcpProxy>>,
    /** Stops the producers, the faults and everything that makes new work. */
    readonly stop: AbortSignal,
    readonly seconds: number,
    readonly seed: number,
    /** How much of the full load. */
    readonly load: number,
  ) {}

  static async start(stop: AbortSignal, seconds: number, seed: number, load: number): Promise<World> {
    const broker = await BrokerProcess.start({ slowConsumerMs: 2_000 });
    const [north, east, south] = await Promise.all([
      TcpProxy.start(broker.port),
      TcpProxy.start(broker.port),
      TcpProxy.start(broker.port),
    ]);
    return new World(broker, { north, east, south }, stop, seconds, seed, load);
  }

  /** Random numbers of their own for each part, so that one part does not change what the others do. */
  random(part: string): Random {
    let hash = this.seed;
    for (const letter of part) hash = Math.imul(hash, 31) + letter.charCodeAt(0);
    return new Random(hash);
  }

  /** A producer of so many messages a second at full load. */
  producer(name: string, line: LineName, rate: number, fillerBytes = 100, step = 1): Producer {
    const scaled = rate * this.load;
    return new Producer(name, line, scaled, Math.ceil(scaled * (this.seconds + 30)), this.findings, fillerBytes, step);
  }

  /** A client at the end of a line. Its own word of trouble counts as trouble of the line. */
  client(line: LineName, clientId: string, options: ClientOptions = {}): KubeMQClient {
    const { address } = this.lines[line];
    const client = new KubeMQClient({ address, clientId, keepalive, reconnect, timeoutMs: 10_000, ...options });
    this.#clients.add(client);
    const following = this.#follow(line, client).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return client;
  }

  /** A client that no fault of a line hits. */
  witness(): KubeMQClient {
    return new KubeMQClient({ address: this.broker.address, clientId: "witness", reconnect });
  }

  async closeClient(client: KubeMQClient): Promise<void> {
    this.#clients.delete(client);
    await client.close();
  }

  get isHealthy(): boolean {
    // Without traffic a client that only calls has nothing to come back for.
    for (const { state } of this.#clients)
      if (state !== "ready" && !(state === "idle" && this.stop.aborted)) return false;
    return true;
  }

  /** Who is not ready, and what they last complained of. */
  states(): string {
    return [...this.#clients]
      .filter(({ state }) => state !== "ready")
      .map((client) => `${client.clientId} ${client.state} (${this.#complaints.get(client) ?? "without a word"})`)
      .join(", ");
  }

  /** Losses of connections at a time when nothing was done to them. */
  get unprovoked(): number {
    return this.#unprovoked;
  }

  /** Whether what was sent at a moment can have been unfinished when the server lost its memory. */
  lostMemorySince(moment: number): boolean {
    return this.kills.some((kill) => kill >= moment && kill - moment < UNFINISHED_MS);
  }

  async closeClients(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => this.closeClient(client)));
    await Promise.all(this.#following);
  }

  async #follow(line: LineName, client: KubeMQClient): Promise<void> {
    let end: (() => void) | undefined;
    for await (const status of client.status()) {
      this.#count(status);
      if (status.type === "retry") this.#complaints.set(client, `attempt ${status.attempt}: ${status.error.message}`);
      if (status.type === "gap" && status.lost && this.kills.length === 0) {
        this.findings.add("lost", `${status.channel}: ${status.expected} is gone, received ${status.received}`);
      }
      if (status.type !== "state") continue;
      if (status.state === "reconnecting" && end === undefined) {
        const now = performance.now();
        const isProvoked = this.windows.overlap([line], now, now);
        if (!isProvoked) this.#unprovoked += 1;
        end = this.windows.begin(line, isProvoked ? now : now - keepalive.intervalMs - keepalive.timeoutMs);
      }
      if (status.state === "ready" && end !== undefined) {
        const over = end;
        end = undefined;
        setTimeout(over, SETTLE_MS).unref();
      }
    }
    end?.();
  }

  #count(status: Status): void {
    const name = "error" in status && status.error !== undefined ? `${status.type} ${status.error.code}` : status.type;
    this.statuses.set(name, (this.statuses.get(name) ?? 0) + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeClients();
    await Promise.all(Object.values(this.lines).map((line) => line[Symbol.asyncDispose]()));
    await this.broker.kill();
  }
}

/** One pattern under load. */
export interface Load {
  readonly name: string;
  /** Resolves when its producers have stopped and every send has its outcome. */
  readonly produced: Promise<unknown>;
  /** Waits, with a bound, until what is stored has arrived; then leaves every loop. */
  settle(): Promise<void>;
  /** Compares what was sent with what came; findings go to the world. A line for each thing worth telling. */
  reconcile(): string[] | Promise<string[]>;
}
