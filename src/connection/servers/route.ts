import { isNotServing } from "../../support/faults.js";
import { transportFault, wasRefusedUnseen } from "../../support/transport-error.js";
import type { Transport } from "../../transport/index.js";
import type { ResolvedOptions } from "../options.js";
import { openSession, type Seam, type Session, type SessionEvents } from "../session.js";
import type { Server } from "./address.js";

/** The servers of a client: which one a call uses, and when the client moves to the next one. */
export class Route {
  readonly #session: Session;
  readonly #servers: readonly [Server, ...Server[]];

  constructor(options: ResolvedOptions, { transport, abort = () => {} }: Seam, events: SessionEvents) {
    this.#session = transport === undefined ? openSession(options, events) : { transport, abort };
    this.#servers = options.servers;
  }

  get isList(): boolean {
    return this.#session.failover !== undefined;
  }

  /** The server in use, or the one that the next call tries first. */
  get server(): Server {
    return this.#session.failover?.server ?? this.#servers[0];
  }

  /** False when a further stream would need a further connection. */
  get hasRoom(): boolean {
    return this.#session.transport.hasRoom !== false;
  }

  /** @param server - the only server that the calls of the transport may use */
  transport(server?: string): Transport {
    const { transport, transportTo } = this.#session;
    return server === undefined || transportTo === undefined ? transport : transportTo(server);
  }

  /** Moves to the next server of the list, if there is one, unless the client has left this one. */
  leave(server: string): void {
    this.#session.failover?.leave(server);
  }

  /**
   * Leaves the server if the error shows that it cannot be used. `server`: the one that the call
   * used.
   */
  leaveAfter(error: unknown, server: string): void {
    const fault = transportFault(error);
    if (fault?.kind === "lost" && fault.server !== undefined) this.leave(fault.server);
    else if (isNotServing(error)) this.leave(server); // promise: answer-keeps-server
  }

  /** Ends every call. */
  abort(): void | Promise<void> {
    return this.#session.abort();
  }

  /** Ends a connection that does not answer. */
  async lose(): Promise<void> {
    const { failover, abort } = this.#session;
    if (failover === undefined)
      await abort(); // promise: dead-connection-ended
    else failover.leave(failover.server.name);
  }

  /**
   * How often a call may be repeated after this error, because no server has begun to process it:
   * once on the next connection, and on every other server when one does not serve yet or any more.
   */
  repeatsAfter(error: unknown): number {
    if (isNotServing(error)) return this.#servers.length - 1; // promise: not-serving-next
    return wasRefusedUnseen(error) ? 1 : 0;
  }
}
