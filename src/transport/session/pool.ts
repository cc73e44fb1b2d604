import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream } from "node:http2";
import { Connector } from "./connector.js";
import type { ConnectionOptions, SessionSource } from "./options.js";

/** Maximum connections of a client. Streams beyond their capacity wait for each other. */
const MOST_CONNECTIONS = 32;

type Request = Parameters<Connector["request"]>;

interface Member {
  readonly manager: Http2SessionManager;
  readonly connector: Connector;
  /** Number of open streams, such as subscriptions, which last until their loops end. */
  held: number;
}

/**
 * The connections of a client: one, and more when the peer limits the streams of a connection
 * (SETTINGS_MAX_CONCURRENT_STREAMS: 100 to 128 in many proxies). node:http2 silently queues a
 * stream above the limit: a subscription waits without end, and a ping waits until its time-out,
 * which would end a healthy connection.
 *
 * A tenth of each connection's streams, at least one, is reserved for unary calls, which share
 * them.
 */
export class ConnectionPool implements SessionSource {
  readonly authority: string;
  readonly #connect: () => Http2SessionManager;
  readonly #options: ConnectionOptions;
  readonly #members: Member[] = [];
  /** The connection of the last stream: a ping behind a request must use the same one. */
  #last: Member;

  constructor(connect: () => Http2SessionManager, options: ConnectionOptions) {
    this.#connect = connect;
    this.#options = options;
    this.#last = this.#add();
    this.authority = this.#last.connector.authority;
  }

  get managers(): readonly Http2SessionManager[] {
    return this.#members.map(({ manager }) => manager);
  }

  get hasRoom(): boolean {
    return this.#members.some(hasRoomForStream);
  }

  request(...args: Parameters<SessionSource["request"]>): Promise<ClientHttp2Stream> {
    const [method, path, headers, options, isStream = headers["grpc-timeout"] === undefined] = args;
    const request: Request = [method, path, headers, options];
    return isStream ? this.#hold(this.#forStream(), request) : this.#forCall().connector.request(...request);
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    for (const { connector } of this.#members) connector.notifyResponseByteRead(stream);
  }

  async #hold(member: Member, request: Request): Promise<ClientHttp2Stream> {
    this.#last = member;
    member.held += 1;
    const release = () => void (member.held -= 1);
    try {
      const stream = await member.connector.request(...request);
      if (stream.closed) release();
      else stream.once("close", release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  #forStream(): Member {
    return this.#withRoom(hasRoomForStream);
  }

  #forCall(): Member {
    return this.#withRoom(({ held, connector }) => held < connector.streamLimit);
  }

  #withRoom(hasRoom: (member: Member) => boolean): Member {
    if (hasRoom(this.#last)) return this.#last;
    const found = this.#members.find(hasRoom);
    if (found !== undefined) return found;
    if (this.#members.length < MOST_CONNECTIONS) return this.#add();
    return this.#members.reduce((least, member) => (member.held < least.held ? member : least));
  }

  #add(): Member {
    const manager = this.#connect();
    const member = { manager, connector: new Connector(manager, this.#options), held: 0 };
    // The limit of another connection, until the peer reports the limit of this one.
    member.connector.streamLimit = this.#members[0]?.connector.streamLimit ?? Infinity;
    this.#members.push(member);
    // The client's pings use only one of the connections, so each connection is watched separately.
    if (this.#members.length > 1) for (const { connector } of this.#members) connector.watchSessions();
    return member;
  }
}

function hasRoomForStream({ held, connector }: Member): boolean {
  return held < mostHeld(connector.streamLimit);
}

function mostHeld(streamLimit: number): number {
  if (streamLimit === Infinity) return Infinity; // promise: one-connection-unlimited
  return Math.max(1, streamLimit - Math.max(1, Math.floor(streamLimit / 10)));
}
