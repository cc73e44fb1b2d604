import type { Connection } from "../../../connection/connection.js";
import type { WireQueueMessage } from "../../wire.js";

/**
 * Range of the milliseconds that a consumer stays away from a contended queue. Two consumers need
 * only the time in which messages that rest with one of them are sent again. More consumers are
 * faster when some of them stay away for longer.
 */
const AWAY_MS = { pair: { least: 60, most: 170 }, crowd: { least: 200, most: 1_400 } } as const;

/** Number of consecutive polls with a gap before them after which the consumer stays away. */
const GAPS = 3;

/**
 * Milliseconds after a pause in which gaps are no reason for the next one: the other consumers,
 * which have worked meanwhile, pause first.
 */
const TURN_MS = 50;

/** Number of consecutive pauses in vain after which gaps are no reason to pause, for VAIN_MS. */
const VAIN_PAUSES = 3;
const VAIN_MS = 30_000;

/**
 * Keeps a consumer away from a queue whose messages move back and forth between consumers. A
 * community server (v2.4.0) passes messages on whenever a poll ends beside another one. While one
 * consumer stays away, the others receive them in order.
 */
export class Contention {
  readonly #connection: Pick<Connection, "clock" | "random">;
  #awayUntil = 0;
  #lastSequence = 0n;
  /** Number of consecutive polls whose messages follow a gap of about the size of a poll. */
  #gaps = 0;
  #gapsCountFrom = 0;
  /** Whether no poll was answered since a pause for gaps. */
  #hasPaused = false;
  #inVain = 0;

  constructor(connection: Pick<Connection, "clock" | "random">) {
    this.#connection = connection;
  }

  /** Milliseconds to stay away, if positive. */
  get leftMs(): number {
    return this.#awayUntil - this.#connection.clock.now();
  }

  /**
   * Records a contended poll.
   *
   * @param others - members of the queue's group that belong to other consumers
   */
  met(others: number): void {
    this.#stayAway(others > 1 ? AWAY_MS.crowd : AWAY_MS.pair); // promise: pair-waits-briefly
  }

  /**
   * Records the messages of a poll. Beside other consumers, each poll of a community server passes
   * as many messages as it had to a consumer whose poll waits, and that one receives nothing until
   * no poll has ended for 100 ms. Without a pause, thousands of messages collect there, of which
   * some are lost or come twice.
   *
   * A pause costs no throughput while the server, not the loop, limits it: one consumer alone then
   * receives as many messages as several.
   *
   * @param mayPause - whether the server passes messages on, and the loop needs no time for them
   */
  took(messages: readonly WireQueueMessage[], mayPause: boolean): void {
    const first = sequenceOf(messages[0]);
    if (first === 0n) return;
    const size = BigInt(messages.length);
    const skipped = first - this.#lastSequence - 1n;
    const isNear = this.#lastSequence !== 0n && skipped >= 0n && skipped <= 4n * size;
    this.#gaps = isNear && 2n * skipped > size ? this.#gaps + 1 : 0;
    this.#lastSequence = sequenceOf(messages.at(-1));
    if (this.#hasPaused) this.#judgePause(isNear);
    if (this.#gaps < GAPS) return;
    this.#gaps = 0;
    if (!mayPause || this.#connection.clock.now() < this.#gapsCountFrom) return; // promise: pauses-in-turn
    this.#stayAway(AWAY_MS.pair); // promise: gaps-left
    this.#hasPaused = true;
  }

  /**
   * A pause is in vain if nobody takes messages meanwhile: the gaps were left by messages that have
   * expired or were removed.
   */
  #judgePause(isNear: boolean): void {
    this.#hasPaused = false;
    this.#inVain = isNear ? this.#inVain + 1 : 0;
    if (this.#inVain < VAIN_PAUSES) return;
    this.#inVain = 0;
    this.#gapsCountFrom = this.#connection.clock.now() + VAIN_MS; // promise: vain-pauses-end
  }

  #stayAway({ least, most }: { readonly least: number; readonly most: number }): void {
    this.#awayUntil = this.#connection.clock.now() + least + this.#connection.random() * (most - least);
    this.#gapsCountFrom = Math.max(this.#gapsCountFrom, this.#awayUntil + TURN_MS);
  }
}

function sequenceOf(message: WireQueueMessage | undefined): bigint {
  return message?.Attributes?.Sequence ?? 0n;
}
