import type { Start } from "./start.js";

/** What a received event is, and so what happens to it. */
export type Judgement =
  /** It is the event that was due: it is delivered. */
  | { readonly kind: "due" }
  /** It was delivered before: it is dropped. */
  | { readonly kind: "repeated" }
  /** Events before it are missing. If they are not lost, it is dropped and the next attempt fetches all of them; if they are, it is delivered. */
  | { readonly kind: "gap"; readonly expected: bigint; readonly received: bigint; readonly lost: boolean };

const DUE: Judgement = { kind: "due" };

const REPEATED: Judgement = { kind: "repeated" };

/** Attempts to fetch a gap before its events count as lost. */
const REPAIRS = 3;

/**
 * How far a store subscription has come, and where its next attempt starts. Pure: it knows neither time nor connections.
 *
 * An attempt has a ClientID of its own, hence a position of its own on the server, and starts after the last event that
 * was accepted. Events that a broken attempt had on their way are sent again; events that the server dropped are noticed by
 * their sequence.
 */
export class ResumeCursor {
  readonly #start: Start;
  /** Time of the first attempt: "new" and "timeDelta" count from then, in every attempt. */
  #firstAttempt: bigint | undefined;
  #last: { readonly sequence: bigint; readonly nanos: bigint } | undefined;
  /** The sequence that is due; undefined while the first event, whatever its sequence, is due. */
  #expected: bigint | undefined;
  /** After a channel reset, events no newer than this timestamp are duplicates. */
  #newerThan: bigint | undefined;
  #isFirstOfAttempt = true;
  #repairs = 0;

  constructor(start: Start) {
    this.#start = start;
    if (start.from === "sequence") this.#expected = start.sequence;
  }

  /** The last sequence that was accepted. */
  get last(): bigint | undefined {
    return this.#last?.sequence;
  }

  /** The sequence that is due, where it is known. */
  get expected(): bigint | undefined {
    return this.#expected;
  }

  /** Begins an attempt: where it starts. `now` in nanoseconds since 1970. */
  begin(now: bigint): Start {
    this.#isFirstOfAttempt = true;
    // promise: store-resumes-behind-last
    if (this.#last !== undefined) return { from: "sequence", sequence: this.#last.sequence + 1n };
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

  /** Takes a received event in, if it is the one that is due. `nanos`: its timestamp. */
  judge(sequence: bigint, nanos: bigint): Judgement {
    const expected = this.#expected;
    const isFirst = this.#isFirstOfAttempt;
    this.#isFirstOfAttempt = false;
    if (expected === undefined || sequence === expected) {
      this.#accept(sequence, nanos);
      return this.#newerThan !== undefined && nanos <= this.#newerThan ? REPEATED : DUE;
    }
    if (sequence > expected) return this.#gap(expected, sequence, nanos);
    if (this.#last === undefined) {
      // The start lies beyond the end: servers go on with whatever comes next.
      this.#accept(sequence, nanos);
      return { kind: "gap", expected, received: sequence, lost: true };
    }
    // Servers send an event again that they have no acknowledgement of. But a new attempt begins after the last event, and
    // nothing is younger than its successors: otherwise the channel lost events, or was removed and counts from 1 again.
    const { nanos: lastNanos } = this.#last;
    if (!isFirst && nanos <= lastNanos) return REPEATED; // promise: store-no-repeats
    // Unless the store's clock went back as well, age tells what was delivered before.
    this.#newerThan = nanos > lastNanos ? lastNanos : undefined;
    this.#last = { sequence: 0n, nanos };
    this.#expected = 1n; // promise: store-new-beginning
    this.#repairs = 0;
    if (sequence > 1n) return { ...this.#gap(1n, sequence, nanos), expected };
    this.#accept(sequence, nanos);
    return { kind: "gap", expected, received: sequence, lost: true };
  }

  #gap(expected: bigint, received: bigint, nanos: bigint): Extract<Judgement, { kind: "gap" }> {
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
