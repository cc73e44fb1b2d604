import { type Arrival, type Received, REPEATED, ResumeCursor } from "./resume.js";
import type { Start } from "./start.js";

/** An arrival at a subscription whose client may have moved to another server. */
export type MovedArrival =
  | Arrival
  /** The server has another history of the channel: the next attempt reads it. */
  | { readonly kind: "elsewhere" };

/**
 * Events of another history are requested from this time before the last received event, because
 * servers apply a start time inexactly. Events up to the last received one are dropped.
 */
const MARGIN_NANOS = 1_000_000_000n;

/**
 * The positions of a subscription in the histories of its channel. A client with a list of servers
 * may move to a server with another store, where the same sequences belong to other events. The
 * first attempt on such a server therefore begins with the last received event. A server that
 * delivers the same event has the same history, and the subscription continues behind it. Any other
 * history is read like a restarted channel: from the first event that is newer than the last
 * received one. On return to an earlier server the subscription continues where it was there.
 */
export class Histories {
  readonly #start: Start;
  readonly #byServer = new Map<string, ResumeCursor>();
  /** The newest received event, and the history that it belongs to. */
  #latest: (Received & { readonly cursor: ResumeCursor }) | undefined;
  /** The server whose history is compared with the latest event. */
  #compared: string | undefined;
  /** The expected sequence before the move, until the first event of the new history. */
  #left: { readonly expected: bigint; readonly server: string } | undefined;
  #current: ResumeCursor;

  constructor(start: Start) {
    this.#start = start;
    this.#current = new ResumeCursor(start);
  }

  /** Sequence of the last event of the current history. */
  get last(): bigint | undefined {
    return this.#current.last?.sequence;
  }

  /** The next sequence of the current history, if known. */
  get expected(): bigint | undefined {
    return this.#current.expected;
  }

  /** Whether the first event of this attempt decides about the server's history. */
  get isComparing(): boolean {
    return this.#compared !== undefined;
  }

  /**
   * Begins an attempt and returns its start position. `server` is undefined for a client with one
   * server; `now` is in nanoseconds since 1970.
   */
  begin(server: string | undefined, now: bigint): Start {
    this.#compared = undefined;
    if (server === undefined) return this.#current.begin(now);
    const known = this.#byServer.get(server);
    if (known !== undefined) this.#current = known;
    else if (this.#latest !== undefined) {
      this.#compared = server;
      this.#latest.cursor.begin(now);
      return { from: "sequence", sequence: this.#latest.sequence }; // promise: store-history-compared
    } else {
      if (this.#byServer.size > 0) this.#current = new ResumeCursor(this.#start, this.#current);
      this.#byServer.set(server, this.#current);
    }
    return this.#current.begin(now);
  }

  /** Accepts a received event if it is the expected one. `nanos` is its timestamp, since 1970. */
  classify(sequence: bigint, nanos: bigint): MovedArrival {
    if (this.#compared !== undefined) return this.#compare(this.#compared, sequence, nanos);
    const arrival = this.#current.classify(sequence, nanos);
    if (this.#byServer.size === 0) return arrival;
    const { last } = this.#current;
    if (last !== undefined) this.#latest = { ...last, cursor: this.#current };
    const left = this.#left;
    if (left === undefined || arrival.kind === "repeated") return arrival;
    this.#left = undefined;
    return arrival.kind === "due" ? { kind: "gap", ...left, received: sequence, lost: true } : arrival;
  }

  /** The compared server has not delivered the latest event, which it would have done at once. */
  foundNothing(): void {
    if (this.#compared !== undefined) this.#readAnew(this.#compared);
  }

  #compare(server: string, sequence: bigint, nanos: bigint): MovedArrival {
    const latest = this.#latest;
    if (latest === undefined || sequence !== latest.sequence || nanos !== latest.nanos) {
      this.#readAnew(server);
      return { kind: "elsewhere" };
    }
    this.#compared = undefined;
    this.#current = latest.cursor;
    this.#byServer.set(server, latest.cursor);
    return REPEATED;
  }

  #readAnew(server: string): void {
    this.#compared = undefined;
    const latest = this.#latest;
    if (latest === undefined) return;
    const nanos = latest.nanos > MARGIN_NANOS ? latest.nanos - MARGIN_NANOS : 1n;
    this.#current = new ResumeCursor({ from: "time", nanos }, { newerThan: latest.nanos }); // promise: store-other-history
    this.#byServer.set(server, this.#current);
    this.#left = { expected: latest.sequence + 1n, server };
  }
}
