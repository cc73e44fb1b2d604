import { constants, type Http2Session } from "node:http2";

/** This many refusals in a row replace a connection, the first time. */
const FEW = 4;

/** Maximum number of refusals in a row that a connection is kept for. */
const MANY = 1_024;

const records = new WeakMap<Http2Session, Refusals>();

/**
 * Whether any session of this process has ever refused a stream. Until then responses cost no
 * look-up.
 */
let isKnown = false;

/**
 * Counts the streams in a row that the peer has refused with ENHANCE_YOUR_CALM. Some servers and
 * proxies refuse each new stream of a connection from some moment on, and do not close it:
 * node:http2 does so above its limits for memory and for streams that were reset.
 *
 * After each replacement, twice as many refusals replace the next connection: a peer that limits
 * its clients must not receive many connections instead of many streams.
 */
export class Refusals {
  readonly #onRefused: (session: Http2Session, count: number) => void;
  #session: Http2Session | undefined;
  #inARow = 0;
  #limit = FEW;

  /** @param onRefused called when a session has refused too many streams in a row */
  constructor(onRefused: (session: Http2Session, count: number) => void) {
    this.#onRefused = onRefused;
  }

  /** Counts the refusals of this session from now on, instead of those of the session before. */
  watch(session: Http2Session): void {
    this.#session = session;
    this.#inARow = 0;
    records.set(session, this);
  }

  refused(session: Http2Session): void {
    isKnown = true;
    if (session !== this.#session) return;
    this.#inARow += 1;
    if (this.#inARow !== this.#limit) return;
    this.#limit = Math.min(2 * this.#limit, MANY); // promise: calm-replaces-less
    this.#onRefused(session, this.#inARow); // promise: calm-replaces-connection
  }

  accepted(session: Http2Session): void {
    if (session !== this.#session) return;
    this.#inARow = 0; // promise: calm-in-a-row
    this.#limit = FEW;
  }
}

/** Records that the peer has reset a stream of a session with this error code. */
export function recordReset(session: Http2Session, rstCode: number): void {
  if (rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) records.get(session)?.refused(session);
}

/** Records that the peer has answered a stream of a session with headers. */
export function recordResponse(session: Http2Session | undefined): void {
  if (isKnown && session !== undefined) records.get(session)?.accepted(session);
}
