import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream } from "node:http2";
import { Connector } from "./connector.js";
import type { ConnectionOptions, SessionSource } from "./options.js";

/**
 * A client with more streams than this many connections take has its streams wait for each other.
 */
const MOST_CONNECTIONS = 32;

type Request = Parameters<Connector["request"]>;

interface Member {
  readonly manager: Http2SessionManager;
  readonly connector: Connector;
  /** Open streams, such as subscriptions: they stay for as long as their loops. */
  held: number;
}

/**
 * The connections of a client: one, and more when the peer limits how many streams a connection may
 * have (SETTINGS_MAX_CONCURRENT_STREAMS: 100 to 128 in many proxies). node:http2 lets a stream
 * above the limit wait without a word: a subscription for good, and a ping until its time-out,
 * which then cost a healthy connection.
 *
 * A tenth of each connection, at least one stream, is left to calls, which take turns.
 */
export class ConnectionPool implements SessionSource {
  readonly authority: string;
  readonly #connect: () => Http2SessionManager;
  readonly #options: ConnectionOptions;
  readonly #members: Member[] = [];
  /** Where the last stream went: a ping behind a request goes the same way. */
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
    return this.#withRoom(({ held, connector }) => held < mostHeld(connector.streamLimit));
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
    // Until it says so itself, the peer is taken to be the same as on the other connections.
    member.connector.streamLimit = this.#members[0]?.connector.streamLimit ?? Infinity;
    this.#members.push(member);
    // The client's pings take one of them: the others are watched apart.
    if (this.#members.length > 1) for (const { connector } of this.#members) connector.watchSessions();
    return member;
  }
}

function mostHeld(streamLimit: number): number {
  return Math.max(1, streamLimit - Math.max(1, Math.floor(streamLimit / 10)));
}
