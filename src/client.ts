import type { EventsClient, EventsStoreClient } from "./api/contracts/events.js";
import type { AbortOptions, CallOptions } from "./api/message.js";
import type { ClientOptions, CloseOptions, ConnectOptions } from "./api/options.js";
import type { QueuesClient } from "./api/contracts/queues.js";
import type { CommandsClient, QueriesClient } from "./api/contracts/requests.js";
import type { ChannelsClient, ServerInfo } from "./api/server.js";
import type { ConnectionState, Status } from "./api/status.js";
import { awaitServer } from "./connection/await-server.js";
import { Connection } from "./connection/connection.js";
import type { Seam } from "./connection/session.js";
import { resolveOptions } from "./connection/options.js";
import { pingMethod, pingRequest, serverInfo } from "./connection/wire.js";
import { eventsWithContracts, storeWithContracts } from "./contracts/calls/events.js";
import { queuesWithContracts } from "./contracts/calls/queues.js";
import { commandsWithContracts, queriesWithContracts } from "./contracts/calls/requests.js";
import { createEventsClient } from "./events/client.js";
import { createEventsStoreClient } from "./events/store-client.js";
import { observedEvents, observedEventsStore } from "./observe/events.js";
import { guarded, type ReportHook } from "./observe/guarded.js";
import { observedQueues } from "./observe/queues.js";
import { observedCommands, observedQueries } from "./observe/requests.js";
import { createQueuesClient } from "./queues/client.js";
import { createChannelsClient } from "./requests/channels.js";
import { createCommandsClient } from "./requests/commands.js";
import { createQueriesClient } from "./requests/queries.js";
import { DEFAULTS } from "./support/defaults.js";
import { checkKnown, isSignal } from "./support/names/known.js";
import { customInspect, type InspectArguments, shown } from "./support/inspect.js";

/**
 * A client of a KubeMQ server: one connection and the five patterns on it. It connects at the first
 * use, and again after a loss. Where a proxy limits the streams of a connection, the client opens
 * further connections for its subscriptions. Close it when done, or declare it with `await using`.
 */
export class KubeMQClient implements AsyncDisposable {
  /** Identifies this client to the server. */
  readonly clientId: string;
  /** Publish/subscribe with delivery at most once. */
  readonly events: EventsClient;
  /** Publish/subscribe with replay: every stored event, from any position. */
  readonly eventsStore: EventsStoreClient;
  /** Commands: ask a responder to do something, and learn whether it was done. */
  readonly commands: CommandsClient;
  /** Queries: ask for data, and receive a response. */
  readonly queries: QueriesClient;
  /** The server's channels: create, delete, list. */
  readonly channels: ChannelsClient;
  /** Queues: each message is processed by one consumer. */
  readonly queues: QueuesClient;
  readonly #connection: Connection;

  /**
   * Creates a client without connecting.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an option that does not exist, or has an invalid
   *   value
   */
  constructor(options?: ClientOptions);
  /** @internal */
  constructor(options?: ClientOptions, seam?: Seam);
  constructor(options?: ClientOptions, seam?: Seam) {
    this.#connection = new Connection(resolveOptions(options), seam);
    this.clientId = this.#connection.options.clientId;
    this.channels = createChannelsClient(this.#connection);
    const calls = this.#calls();
    this.events = eventsWithContracts(calls.events);
    this.eventsStore = storeWithContracts(calls.eventsStore);
    this.commands = commandsWithContracts(calls.commands);
    this.queries = queriesWithContracts(calls.queries);
    this.queues = queuesWithContracts(calls.queues);
  }

  /**
   * Creates a client and pings the server, so that a wrong address fails here.
   *
   * @throws {KubeMQError} UNAVAILABLE or TIMEOUT when no server answers, within `waitMs` if it
   *   is given; UNAUTHENTICATED when the server refuses the client; INVALID_ARGUMENT for an option
   *   that does not exist, or has an invalid value
   * @example
   * // A server that is started at the same time may take a while.
   * const client = await KubeMQClient.connect({ address: "localhost:50000" }, { waitMs: 30_000 });
   */
  static async connect(options?: ClientOptions, how?: ConnectOptions): Promise<KubeMQClient> {
    const client = new KubeMQClient(options);
    try {
      await awaitServer(client.#connection, how);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** The current state of the client's connection. */
  get state(): ConnectionState {
    return this.#connection.state.current;
  }

  /** The server that the client uses, or will try first: `host:port`. */
  get server(): string {
    return this.#connection.route.server.name;
  }

  /**
   * Returns the connection and stream events from this call on: state changes, retries, resumes,
   * gaps and failures beside the messages. Ends when the client is closed. The channel
   * `kubemq-es:status` of `node:diagnostics_channel` publishes the same entries, each as a
   * {@link DiagnosticStatus}.
   *
   * @example
   * ```ts
   * for await (const entry of client.status()) {
   *   if (entry.type === "gap") console.warn("events are missing", entry);
   * }
   * ```
   */
  status(options: AbortOptions = {}): AsyncIterable<Status> {
    checkKnown({ operation: "client.status" }, "", options, ["signal"]);
    return this.#connection.status.read(options.signal);
  }

  /**
   * Pings the server and returns its description.
   *
   * @throws {KubeMQError} UNAVAILABLE when no server answers; TIMEOUT when it does not answer in
   *   time; UNAUTHENTICATED when it refuses the client; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const { version, uptimeSeconds } = await client.ping();
   * ```
   */
  async ping(options?: CallOptions): Promise<ServerInfo> {
    return serverInfo(await this.#connection.unary(pingMethod, pingRequest, { operation: "client.ping", options }));
  }

  /**
   * Refuses new work, ends every loop and service without an error, flushes publishers and lets
   * running calls, handlers and settlements finish, for at most `timeoutMs` or until `signal`
   * aborts. Then it cancels the rest.
   *
   * A loop body that runs for longer than half a second is not waited for, because it may be the
   * caller. It can settle or answer its message for the rest of the time. In a handler of `handle`
   * or `process` this resolves immediately, and the client closes after its handlers have finished.
   * Never rejects; further calls wait for the same close.
   *
   * @param options - `timeoutMs`: in milliseconds. @default 5000
   */
  close(options: CloseOptions = {}): Promise<void> {
    // JavaScript may pass anything, and a close must not fail: what is no option counts as not given.
    let { timeoutMs, signal } = options ?? {};
    if (typeof timeoutMs !== "number") timeoutMs = DEFAULTS.closeTimeoutMs;
    if (!isSignal(signal)) signal = undefined; // promise: close-any-argument
    return this.#connection.close(timeoutMs, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  [customInspect](...inspection: InspectArguments): string {
    const { server, state, clientId } = this;
    return shown("KubeMQClient", { server, state, clientId }, inspection);
  }

  /** The calls of each pattern, observed if there is telemetry. */
  #calls() {
    const connection = this.#connection;
    const calls = {
      events: createEventsClient(connection),
      eventsStore: createEventsStoreClient(connection),
      commands: createCommandsClient(connection),
      queries: createQueriesClient(connection),
      queues: createQueuesClient(connection, this.channels),
    };
    const { telemetry, clientId } = connection.options;
    // Decided once, here: disabled telemetry costs nothing per message.
    if (telemetry === undefined) return calls;
    const report: ReportHook = (hook, error) => connection.report({ type: "telemetry-failed", hook, error });
    const { route } = connection;
    const observed = {
      clientId,
      get host() {
        return route.server.host;
      },
      get port() {
        return route.server.port;
      },
    };
    const observer = guarded(telemetry, observed, report);
    if (observer === undefined) return calls;
    return {
      events: observedEvents(calls.events, observer),
      eventsStore: observedEventsStore(calls.eventsStore, observer),
      commands: observedCommands(calls.commands, observer),
      queries: observedQueries(calls.queries, observer),
      queues: observedQueues(calls.queues, observer),
    };
  }
}
