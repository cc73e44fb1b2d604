import { KubeMQClient, type ClientOptions, type Status } from "kubemq-es";
import { startBroker, type Broker, type BrokerOptions } from "kubemq-es/testing";
import { Leftovers } from "./leftovers.js";
import { SkippingClock } from "./skipping-clock.js";

export interface WorldOptions {
  readonly broker?: BrokerOptions;
  readonly client?: ClientOptions;
  /** How long what was closed may take to end. @default 2000 */
  readonly endsWithinMs?: number;
}

/** A broker and clients of it, all on one clock. */
export interface World {
  readonly broker: Broker;
  readonly client: KubeMQClient;
  /** What `client.status()` has reported. */
  readonly statuses: readonly Status[];
  /** Another client of the broker, which is closed at the end. */
  readonly connect: (options?: ClientOptions) => KubeMQClient;
  /** A controller whose signal must have no listener at the end. */
  readonly controller: () => AbortController;
  /** Moves the clock of the broker and the clients forward. */
  readonly pass: (ms: number) => Promise<void>;
}

type Body = (world: World) => Promise<void>;

/**
 * Runs the body of a test on a broker of its own. When it is over, closes the clients and the broker, and fails when calls,
 * sockets, timers or listeners are left.
 */
export function withBroker(body: Body): Promise<void>;
export function withBroker(options: WorldOptions, body: Body): Promise<void>;
export async function withBroker(first: WorldOptions | Body, second?: Body): Promise<void> {
  const [options, body] = typeof first === "function" ? [{}, first] : [first, second];
  if (body === undefined) throw new Error("withBroker without a test");
  const world = await openWorld(options);
  try {
    await body(world);
  } catch (error) {
    await world.abandon(); // what is left because of the failure is not reported
    throw error;
  }
  await world.end();
}

export interface OpenWorld extends World {
  /** Closes everything, and fails when something is left. */
  readonly end: () => Promise<void>;
  /** Closes everything. */
  readonly abandon: () => Promise<void>;
}

/** For `beforeAll`: a broker that the tests of a file share, and `end()` for `afterAll`. */
export async function openWorld(options: WorldOptions = {}): Promise<OpenWorld> {
  const leftovers = new Leftovers(options.endsWithinMs);
  const clock = new SkippingClock();
  const broker = await startBroker({ port: 0, clock: clock.forBroker, ...options.broker });
  const clients: KubeMQClient[] = [];
  const connect = (more: ClientOptions = {}) => {
    const client = new KubeMQClient({ address: broker.address, ...more }, { clock: clock.forClients });
    clients.push(client);
    return client;
  };
  const closeClients = () => Promise.all(clients.map((client) => client.close({ timeoutMs: 500 })));
  const client = connect(options.client);
  const statuses: Status[] = [];
  void (async () => {
    for await (const status of client.status()) statuses.push(status);
  })();
  return {
    broker,
    client,
    statuses,
    connect,
    controller: () => leftovers.controller(),
    pass: (ms) => clock.pass(ms),
    end: async () => {
      await closeClients();
      await leftovers.checkCalls(broker).finally(() => broker.close());
      await leftovers.check();
    },
    abandon: async () => {
      leftovers.ignore();
      await closeClients();
      await broker.close();
    },
  };
}
