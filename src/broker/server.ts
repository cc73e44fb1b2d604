import type { Http2Server, Http2ServerRequest } from "node:http2";
import { createSecureServer, createServer } from "node:http2";
import { Calls } from "./calls.js";
import type { Faults } from "./faults.js";
import { createFaults } from "./faults.js";
import { Gate } from "./gate.js";
import { Listener } from "./listener.js";
import type { Held, Memory } from "./memory.js";
import { createMemory } from "./memory.js";
import { nuid } from "./nuid.js";
import type { BrokerOptions, ResolvedOptions } from "./options.js";
import { resolveOptions } from "./options.js";
import type { Quirks } from "./quirks.js";
import { noQuirks } from "./quirks.js";
import { seededRandom } from "./random.js";
import { noCall, refusal, rpcOf, unknownPath } from "./refusal.js";
import { Reply } from "./reply.js";
import type { BrokerCore } from "./service.js";
import { streamingCalls } from "./streaming.js";
import { unaryCalls } from "./unary.js";

/** What the broker holds at this moment. */
export interface BrokerStats extends Held {
  /** Open connections. */
  readonly connections: number;
  /** Calls that are running, by RPC; an RPC without any is left out. */
  readonly streams: Readonly<Record<string, number>>;
}

/** A running broker. */
export interface Broker {
  /** Where clients connect, such as `127.0.0.1:50000`. */
  readonly address: string;
  /** The address it is bound to. */
  readonly host: string;
  /** The port it is bound to: the one that was asked for, or for 0 the one that was free. */
  readonly port: number;
  /** What goes wrong on demand. */
  readonly faults: Faults;
  /** Oddities of real servers, to be switched on and off. */
  readonly quirks: Quirks;
  /** Connections, running calls and stored messages at this moment: shows a test that nothing leaks. */
  stats(): BrokerStats;
  /** Changes the token that calls must bring from now on; undefined asks for none. */
  setToken(token: string | undefined): void;
  /**
   * Removes the stored events of a channel up to and including a sequence, as retention would in time.
   * Numbering goes on.
   */
  purgeEvents(channel: string, through: bigint | number): void;
  /** Breaks all connections, frees the port and forgets everything. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a broker in this process: a KubeMQ server on a real HTTP/2 socket, for tests and local development.
 *
 * @throws TypeError for options that make no sense, and what Node throws for a port that is taken.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const resolved = resolveOptions(options);
  const { clock, limits, profile } = resolved;
  const quirks = { ...noQuirks(), ...options.quirks };
  const core: BrokerCore = { clock, limits, newId: nuid, quirks, profile, random: seededRandom(resolved.seed) };
  const calls = new Calls();
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
    if (rpc === undefined) return reply.finish(unknownPath(path));
    resolved.onCall?.(rpc);
    const refused = refusal(rpc, request.headers, token);
    if (refused !== undefined) return reply.finish(refused);
    calls.add(rpc, reply);
    return life.handle(request, reply);
  });
  const listener = new Listener(http2, resolved.host, resolved.port);
  await listener.open();

  const close = async () => {
    listener.shut();
    await listener.drop();
    http2.close();
    life.memory.close();
  };
  return {
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
    setToken(next) {
      token = next;
    },
    purgeEvents: (channel, through) => life.memory.purgeEvents(channel, Number(through)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Life {
  readonly memory: Memory;
  readonly handle: (request: Http2ServerRequest, reply: Reply) => void;
}

/** Fresh models, and a handler that speaks for them. */
function begin(core: BrokerCore): Life {
  const memory = createMemory(core);
  const { maxMessageBytes } = core.limits;
  const calls = new Map([...unaryCalls(memory.rpcs, maxMessageBytes), ...streamingCalls(memory.rpcs, maxMessageBytes)]);
  return { memory, handle: (request, reply) => calls.get(request.url)?.(reply, request.headers) };
}

// Node guards its servers against strangers; here every client is a program under test.
const unguarded = {
  // Thousands of streams share a connection; the default of 100 would make callers wait.
  settings: { maxConcurrentStreams: 2 ** 31 - 1 },
  // Megabytes. Beyond the default of 10, what waits for slow readers has new calls refused.
  maxSessionMemory: 1024,
  // Node 20 does not know these two, and ends a connection on which calls are cancelled much faster
  // than 33 a second, once there were 1000.
  streamResetBurst: 1_000_000,
  streamResetRate: 1_000_000,
};

function createHttp2({ tls }: ResolvedOptions): Http2Server {
  const options = { ...unguarded, Http2ServerResponse: Reply };
  if (tls === undefined) return createServer(options);
  const mutual = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  return createSecureServer({ ...options, ...tls, ...mutual, minVersion: "TLSv1.2" });
}
