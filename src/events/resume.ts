import type { Start } from "./start.js";

/** The classification of a received event. */
export type Arrival =
  /** The expected event: it is delivered. */
  | { readonly kind: "due" }
  /** An event that was delivered before: it is dropped. */
  | { readonly kind: "repeated" }
  /**
   * Events before this one are missing. If they are not lost, this event is dropped and the next
   * attempt fetches all of them. If they are lost, this event is delivered.
   */
  | {
      readonly kind: "gap";
      readonly expected: bigint;
      readonly received: bigint;
      readonly lost: boolean;
      /** The server with another history to which the subscription has moved. */
      readonly server?: string;
    };

const DUE: Arrival = { kind: "due" };

export const REPEATED: Arrival = { kind: "repeated" };

/** Sequence of a received event, and its timestamp in nanoseconds since 1970. */
export interface Received {
  readonly sequence: bigint;
  readonly nanos: bigint;
}

/** Number of attempts to fetch a gap before its events count as lost. */
const REPAIRS = 3;

/**
 * The progress of a store subscription, and the start of its next attempt. Pure: it uses no clock
 * and no connection.
 *
 * Each attempt has its own ClientID, hence its own position on the server, and starts at the last
 * accepted event. The same event proves that the channel is the same; another event with its
 * sequence shows that the server has lost the channel and filled it again. The server sends the
 * undelivered events of a broken attempt again. A jump in the sequence reveals events that the
 * server dropped.
 */
export class ResumeCursor {
  readonly #start: Start;
  /** Time of the first attempt. "new" and "timeDelta" count from it in every attempt. */
  #firstAttempt: bigint | undefined;
  #last: Received | undefined;
  /** The next sequence to deliver. Undefined before the first event, whose sequence can be any. */
  #expected: bigint | undefined;
  /** After a channel reset, events no newer than this timestamp are duplicates. */
  #newerThan: bigint | undefined;
  #isFirstOfAttempt = true;
  #repairs = 0;

  /**
   * @param before - `firstAttempt`: the first attempt of the subscription, if this is a later one;
   *   `newerThan`: the timestamp of the last event that was delivered from another history
   */
  constructor(start: Start, before: { readonly firstAttempt?: bigint | undefined; readonly newerThan?: bigint } = {}) {
    this.#start = start;
    this.#firstAttempt = before.firstAttempt;
    this.#newerThan = before.newerThan;
    if (start.from === "sequence") this.#expected = start.sequence;
  }

  /** The last accepted event. */
  get last(): Received | undefined {
    return this.#last;
  }

  /** Time of the first attempt, in nanoseconds since 1970. */
  get firstAttempt(): bigint | undefined {
    return this.#firstAttempt;
  }

  /** The next sequence to deliver, if known. */
  get expected(): bigint | undefined {
    return this.#expected;
  }

  /** Begins an attempt and returns its start position. `now` is in nanoseconds since 1970. */
  begin(now: bigint): Start {
    this.#isFirstOfAttempt = true;
    const last = this.#last;
    // A gap is fetched from its first event: a server that drops events never drops the first one of
    // an attempt.
    const skipped = this.#repairs > 0 ? 1n : 0n; // promise: store-resumes-at-last
    if (last !== undefined) return { from: "sequence", sequence: last.sequence + skipped };
    const start = this.#start;
    if (this.#firstAttempt === undefined) {
      this.#firstAttempt = now;
      return start;
    }
    // promise: store-new-since-first-attempt
    if (start.from === "new") return { from: "time", nanos: this.#firstAttempt };
    if (start.from !== "timeDelta") return start; // promise: store-delta-since-first-attempt
    const nanos = this.#firstAttempt - BigInt(start.seconds) * 1_000_000_000n;
    return nanos > 0n ? { from: "time", nanos } : { from: "first" };
  }

  /** Accepts a received event if it is the expected one. `nanos` is its timestamp, since 1970. */
  classify(sequence: bigint, nanos: bigint): Arrival {
    const expected = this.#expected;
    const isFirst = this.#isFirstOfAttempt;
    this.#isFirstOfAttempt = false;
    if (expected === undefined || sequence === expected) {
      this.#accept(sequence, nanos);
      return this.#newerThan !== undefined && nanos <= this.#newerThan ? REPEATED : DUE;
    }
    if (sequence > expected) return this.#gap(expected, sequence, nanos);
    if (this.#last === undefined) {
      // The start is beyond the end of the channel: servers continue with the next stored event.
      this.#accept(sequence, nanos);
      return { kind: "gap", expected, received: sequence, lost: true };
    }
    // A repeated event is never newer than the last accepted one. The first one of an attempt is
    // that event itself. Any other event shows that the channel has lost events, or was removed and
    // counts from 1 again.
    const { sequence: lastSequence, nanos: lastNanos } = this.#last;
    // promise: store-no-repeats
    if (isFirst ? sequence === lastSequence && nanos === lastNanos : nanos <= lastNanos) return REPEATED;
    // Events up to the last timestamp were delivered before, unless the clock of the store also
    // went back.
    this.#newerThan = nanos > lastNanos ? lastNanos : undefined;
    this.#last = { sequence: 0n, nanos };
    this.#expected = 1n; // promise: store-new-beginning
    this.#repairs = 0;
    if (sequence > 1n) return { ...this.#gap(1n, sequence, nanos), expected };
    this.#accept(sequence, nanos);
    return { kind: "gap", expected, received: sequence, lost: true };
  }

  #gap(expected: bigint, received: bigint, nanos: bigint): Extract<Arrival, { kind: "gap" }> {
    const lost = this.#repairs >= REPAIRS; // promise: store-lost-gap
    if (lost) this.#accept(received, nanos);
    else this.#repairs += 1;
    return { kind: "gap", expected, received, lost };
  }

  #accept(sequence: bigint, nanos: bigint): void {
    this.#last = { sequence, nanos };
    this.#expected = sequence + 1n;
    this.#repairs = 0;
  }
}
