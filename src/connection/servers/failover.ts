import { Code } from "@connectrpc/connect";
import type { ClientHttp2Stream } from "node:http2";
import { toKubeMQError } from "../../support/faults.js";
import { TransportError, transportFault } from "../../support/transport-error.js";
import type { ConnectionPool, SessionSource } from "../../transport/index.js";
import type { Server } from "./address.js";

/** A client has connected to another server of its list than before, or to the first one. */
export type Moved = (moved: { readonly server: string; readonly previous?: string }) => void;

/** The connections to one server of the list. */
export interface Member {
  readonly server: Server;
  readonly pool: ConnectionPool;
  /** Ends every stream and every connection to the server. */
  readonly abort: () => Promise<void>;
}

type Request = Parameters<SessionSource["request"]>;

interface Failure {
  readonly member: Member;
  readonly error: unknown;
}

/**
 * The connections of a client with a list of servers. All calls use one server, until it cannot be
 * reached or its connection is lost; then all of them use the next one. The client does not return
 * to an earlier server by itself.
 */
export class Failover implements SessionSource {
  readonly #members: readonly Member[];
  readonly #onServer: Moved;
  /** Servers whose connections are about to be ended. A new connection waits for that. */
  readonly #ending = new Map<Member, Promise<void>>();
  #current: Member;
  #connected: Member | undefined;
  #isClosed = false;

  /** @param onServer called when the client has connected to another server than before */
  constructor(members: readonly [Member, ...Member[]], onServer: Moved) {
    this.#members = members;
    this.#current = members[0];
    this.#onServer = onServer;
  }

  /** The server that the next request tries first. */
  get server(): Server {
    return this.#current.server;
  }

  get authority(): string {
    return this.#current.pool.authority;
  }

  get hasRoom(): boolean {
    return this.#current.pool.hasRoom;
  }

  /** Opens a stream on the current server, or on the next one that can be reached. */
  async request(...request: Request): Promise<ClientHttp2Stream> {
    const failures: Failure[] = [];
    for (;;) {
      const member = this.#current;
      try {
        return await this.#requestOf(member, request);
      } catch (error) {
        if (!isUnreached(error) || this.#isClosed) throw error; // promise: servers-in-turn
        failures.push({ member, error });
        if (failures.some((failure) => failure.member === this.#current)) throw unreachable(failures);
      }
    }
  }

  /** A source that opens streams on one server, and fails when the client uses another one. */
  only(server: string): SessionSource {
    const member = this.#members.find((one) => one.server.name === server) ?? this.#current;
    return {
      authority: member.pool.authority,
      notifyResponseByteRead: (stream) => member.pool.notifyResponseByteRead(stream),
      request: (...request) => {
        if (member === this.#current) return this.#requestOf(member, request);
        const text = `the client has moved from ${server} to ${this.#current.server.name}`;
        return Promise.reject(new TransportError({ kind: "no-connection" }, Code.Unavailable, text));
      },
    };
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    for (const { pool } of this.#members) pool.notifyResponseByteRead(stream);
  }

  /**
   * Moves to the next server, because the connection to this one is lost or useless. Everything
   * that still uses the server ends, so that one client never uses two servers. Has no effect when
   * the client has moved already.
   */
  leave(server: string): void {
    const member = this.#current;
    if (member.server.name !== server || this.#isClosed) return;
    this.#moveFrom(member); // promise: lost-server-left
    const ending = member.abort().finally(() => this.#ending.delete(member));
    this.#ending.set(member, ending);
  }

  async abort(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#members.map(({ abort }) => abort()));
  }

  async #requestOf(member: Member, request: Request): Promise<ClientHttp2Stream> {
    await this.#ending.get(member);
    try {
      const stream = await member.pool.request(...request);
      if (this.#connected !== member && this.#current === member) {
        const previous = this.#connected?.server.name;
        this.#connected = member;
        this.#onServer({ server: member.server.name, ...(previous === undefined ? {} : { previous }) });
      }
      return stream;
    } catch (error) {
      if (isUnreached(error)) this.#moveFrom(member);
      throw error;
    }
  }

  #moveFrom(member: Member): void {
    if (this.#current !== member) return;
    const next = this.#members[(this.#members.indexOf(member) + 1) % this.#members.length];
    if (next !== undefined) this.#current = next;
  }
}

function isUnreached(error: unknown): boolean {
  return transportFault(error)?.kind === "no-connection";
}

/**
 * The error when no server can be reached. A refusal that all servers have in common, such as an
 * untrusted certificate, keeps its meaning.
 */
function unreachable(failures: readonly Failure[]): unknown {
  const judged = failures.map(({ member, error }) => {
    const { code, message } = toKubeMQError(error, { operation: member.server.name });
    return { code, message };
  });
  const [first] = judged;
  // promise: common-refusal-kept
  if (first !== undefined && first.code !== "UNAVAILABLE" && judged.every(({ code }) => code === first.code)) {
    return failures[0]?.error;
  }
  const text = `no server can be reached: ${judged.map(({ message }) => message).join("; ")}`;
  // Not given as `cause`: the code of the first error would determine the code of all.
  const cause = new AggregateError(failures.map(({ error }) => error));
  return new TransportError({ kind: "no-connection" }, Code.Unavailable, text, { cause });
}
