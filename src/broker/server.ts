import type { Http2Server, Http2ServerRequest } from "node:http2";
import { createSecureServer, createServer } from "node:http2";
import { Calls } from "./grpc/calls.js";
import type { Faults } from "./faults.js";
import { createFaults } from "./faults.js";
import { Gate } from "./grpc/gate.js";
import { Listener } from "./grpc/listener.js";
import type { BrokerChannel, Held, Memory } from "./memory.js";
import { createMemory } from "./memory.js";
import { nuid } from "./requests/nuid.js";
import type { BrokerOptions, ResolvedOptions } from "./options.js";
import { resolveOptions } from "./options.js";
import type { Quirks } from "./quirks.js";
import { quirksOf } from "./quirks.js";
import { seededRandom } from "./random.js";
import { noCall, refusal, rpcOf, unknownPath } from "./grpc/refusal.js";
import { Reply } from "./grpc/reply.js";
import type { BrokerCore } from "./service.js";
import { streamingCalls } from "./grpc/streaming.js";
import { unaryCalls } from "./grpc/unary.js";
import type { Page } from "./ui/index.js";

/** The broker's state at this moment. */
export interface BrokerStats extends Held {
  /** Open connections. */
  readonly connections: number;
  /** Running calls by RPC; an RPC without calls is omitted. */
  readonly streams: Readonly<Record<string, number>>;
}

/** A running broker. */
export interface Broker {
  /** The address for clients, such as `127.0.0.1:50000`. */
  readonly address: string;
  /** The network address that the broker is bound to. */
  readonly host: string;
  /** The port that the broker is bound to: the requested one, or a free one for 0. */
  readonly port: number;
  /** Injects faults. */
  readonly faults: Faults;
  /** Deviations of real servers, which can be changed at any time. */
  readonly quirks: Quirks;
  /**
   * The address of the broker's page, such as `http://127.0.0.1:50080/`; undefined without
   * {@link BrokerOptions.ui}.
   */
  readonly uiUrl: string | undefined;
  /**
   * Current connections, running calls and stored messages, so that a test can check that nothing
   * leaks.
   */
  stats(): BrokerStats;
  /** The channels of all patterns, with the figures that the broker's page shows. */
  channels(): BrokerChannel[];
  /** Changes the token required from callers from now on; undefined requires none. */
  setToken(token: string | undefined): void;
  /**
   * Removes the stored events of a channel up to and including a sequence, as retention would.
   * Numbering continues.
   *
   * @example
   * ```ts
   * broker.purgeEvents("audit", 10); // a subscriber from the first event begins with 11
   * ```
   */
  purgeEvents(channel: string, through: bigint | number): void;
  /** Breaks all connections, releases the port and discards all data. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a broker in this process: a KubeMQ server on a real HTTP/2 socket, for tests and local
 * development.
 *
 * @throws TypeError for contradictory options, and Node's own error when the port is taken.
 * @example
 * ```ts
 * await using broker = await startBroker();
 * await using client = await KubeMQClient.connect({ address: broker.address });
 * ```
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const resolved = resolveOptions(options);
  const { clock, limits, profile } = resolved;
  const quirks = quirksOf({ confirmSettlements: profile.confirmsSettlements, ...options.quirks });
  // Most brokers have no page, and then need no HTTP/1 server.
  const ui = resolved.uiPort === undefined ? undefined : await import("./ui/index.js");
  const recent = ui && new ui.RecentMessages(clock);
  const core: BrokerCore = {
    clock,
    limits,
    newId: nuid,
    quirks,
    profile,
    random: seededRandom(resolved.seed),
    onMessage: recent?.add,
  };
  const calls = new Calls((session) => listener.cancelled(session));
  const gate = new Gate(clock);
  let { token } = resolved;
  let life = begin(core);
  const http2 = createHttp2(resolved);
  http2.on("request", (request, response) => {
    const reply = response as Reply;
    reply.behind(gate);
    const stranger = noCall(request.method, request.headers["content-type"]);
    if (stranger !== undefined) return reply.refuse(stranger.status, stranger.outcome);
    reply.contentType = request.headers["content-type"] ?? "";
    const path = request.url;
    const rpc = rpcOf(path);
    if (rpc === undefined || profile.unimplemented.includes(rpc)) return reply.finish(unknownPath(path));
    resolved.onCall?.(rpc);
    const refused = refusal(rpc, request.headers, token);
    if (refused !== undefined) return reply.finish(refused);
    calls.add(rpc, reply);
    return life.handle(request, reply);
  });
  const listener = new Listener(http2, resolved.host, resolved.port);
  await listener.open();

  let page: Page | undefined;
  const close = async () => {
    await page?.close();
    listener.shut();
    await listener.drop();
    http2.close();
    life.memory.close();
  };
  const broker: Broker = {
    get uiUrl() {
      return page?.url;
    },
    get address() {
      const host = listener.host.includes(":") ? `[${listener.host}]` : listener.host;
      return `${host}:${listener.port}`;
    },
    host: listener.host,
    get port() {
      return listener.port;
    },
    faults: createFaults({
      listener,
      calls,
      gate,
      keep: () => life.memory.restart(),
      forget() {
        life.memory.close();
        recent?.clear();
        life = begin(core);
      },
      closeByServer: () => life.memory.closeByServer(),
    }),
    quirks,
    stats: () => ({
      connections: listener.connections,
      streams: calls.count(),
      ...life.memory.held(),
    }),
    channels: () => life.memory.channels(),
    setToken(next) {
      token = next;
    },
    purgeEvents: (channel, through) => life.memory.purgeEvents(channel, Number(through)),
    close,
    [Symbol.asyncDispose]: close,
  };
  if (ui === undefined || recent === undefined) return broker;
  try {
    page = await ui.servePage(resolved.uiPort ?? 0, { broker, profile, recent, rpcs: () => life.memory.rpcs });
    return broker;
  } catch (error) {
    await close();
    throw error;
  }
}

interface Life {
  readonly memory: Memory;
  readonly handle: (request: Http2ServerRequest, reply: Reply) => void;
}

/** A new memory, and a handler for it. */
function begin(core: BrokerCore): Life {
  const memory = createMemory(core);
  const { maxMessageBytes } = core.limits;
  const calls = new Map([...unaryCalls(memory.rpcs, maxMessageBytes), ...streamingCalls(memory.rpcs, maxMessageBytes)]);
  return { memory, handle: (request, reply) => calls.get(request.url)?.(reply, request.headers) };
}

// Node.js limits its servers to protect them; here every client is a program under test.
const unguarded = {
  // Thousands of streams share a connection; with the default of 100, callers would wait.
  settings: { maxConcurrentStreams: 2 ** 31 - 1 },
  // In megabytes. With the default of 10, new calls are refused while slow readers have data
  // pending.
  maxSessionMemory: 1024,
  // Node.js 20 ignores these two options. It ends a connection on which, after 1000 cancelled
  // calls, calls are cancelled at more than 33 per second.
  streamResetBurst: 1_000_000,
  streamResetRate: 1_000_000,
};

function createHttp2({ tls }: ResolvedOptions): Http2Server {
  const options = { ...unguarded, Http2ServerResponse: Reply };
  if (tls === undefined) return createServer(options);
  const mutual = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  return createSecureServer({ ...options, ...tls, ...mutual, minVersion: "TLSv1.2" });
}
