import { randomBytes } from "node:crypto";
import { KubeMQClient, type ClientOptions } from "kubemq-es";
import { TcpProxy } from "../support/tcp-proxy.js";
import { probe, type Feature } from "./features.js";

/** What a check of the contract may use: what every server offers, and nothing of its inside. */
export interface World {
  /** Name of the server, for messages. */
  readonly name: string;
  /** `host:port` of the server. */
  readonly address: string;
  /** How often a check repeats what a race may break. */
  readonly rounds: number;
  /** A connected client with a ClientID of its own. It is closed at the end of the check. */
  client(options?: ClientOptions): Promise<KubeMQClient>;
  /** A channel name that nobody has used. */
  channel(hint: string): string;
  /** A TCP proxy in front of the server, for checks that need a fault of the network. */
  line(): Promise<TcpProxy>;
  /** Whether the server has a feature. Decided by what the server answers, never by its version. */
  supports(feature: Feature): Promise<boolean>;
  /** Ends the check with {@link Lacking} unless the server has the feature. */
  needs(feature: Feature): Promise<void>;
}

/** Ends a check that needs what the server does not have. */
export class Lacking extends Error {
  constructor(readonly feature: Feature) {
    super(`The server has no ${feature}.`);
  }
}

/** A server that the contract is checked on. Each feature is asked for once. */
export class Server {
  readonly #features = new Map<Feature, Promise<boolean>>();

  constructor(
    readonly name: string,
    readonly address: string,
    readonly rounds = 100,
  ) {}

  supports(feature: Feature): Promise<boolean> {
    const known = this.#features.get(feature) ?? probe(this.address, feature);
    this.#features.set(feature, known);
    return known;
  }
}

/** The world of one check. */
export class ServerWorld implements World, AsyncDisposable {
  readonly #server: Server;
  readonly #clients: KubeMQClient[] = [];
  readonly #lines: TcpProxy[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  get name(): string {
    return this.#server.name;
  }

  get address(): string {
    return this.#server.address;
  }

  get rounds(): number {
    return this.#server.rounds;
  }

  async client(options: ClientOptions = {}): Promise<KubeMQClient> {
    const clientId = `contract-${unique()}`;
    const client = await KubeMQClient.connect({ address: this.address, clientId, ...options });
    this.#clients.push(client);
    return client;
  }

  channel(hint: string): string {
    return `contract.${hint}.${unique()}`;
  }

  async line(): Promise<TcpProxy> {
    const { hostname, port } = new URL(`http://${this.address}`);
    const line = await TcpProxy.start(Number(port), hostname);
    this.#lines.push(line);
    return line;
  }

  supports(feature: Feature): Promise<boolean> {
    return this.#server.supports(feature);
  }

  async needs(feature: Feature): Promise<void> {
    if (!(await this.supports(feature))) throw new Lacking(feature);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ timeoutMs: 1_000 })));
    await Promise.all(this.#lines.map((line) => line[Symbol.asyncDispose]()));
  }
}

const unique = () => randomBytes(6).toString("hex");
