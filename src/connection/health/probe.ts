import type { Clock } from "../../support/time/clock.js";
import { setImmediate } from "../../support/timers.js";

/** An object with a limited lifetime, such as a stream. */
export interface Lifetime {
  readonly isOver: boolean;
  /**
   * Calls `run` once at the end, or immediately if the end has passed. Returns a function that
   * prevents the call.
   */
  onOver(run: () => void): () => void;
}

/** Delay before a failed ping is repeated, in milliseconds. */
const AGAIN_MS = 1_000;

/**
 * Number of pings answered after a request before its subscription counts as working, see
 * `#rounds`.
 */
const ROUNDS = 12;

/**
 * Minimum milliseconds between a request and the last ping behind it. An idle server answers twelve
 * pings in three milliseconds, and needs up to six for a subscription (community v2.4.0).
 */
const LEAST_MS = 10;

/** The pings together take at least this many times as long as the slowest of them. */
const TIMES_SLOWEST = 3;

/** Maximum number of pings for one request. */
const MOST_ROUNDS = 32;

/**
 * Pings sent after requests that a server may not answer. Requests of one turn share their pings.
 */
export class Probe {
  readonly #clock: Clock;
  readonly #ping: () => Promise<unknown>;
  readonly #goesOn: () => boolean;
  /** The next ping. Resolves with the milliseconds that it took. */
  #sending: Promise<number> | undefined;

  /** @param goesOn whether another ping may be sent after a failed one */
  constructor(clock: Clock, ping: () => Promise<unknown>, goesOn: () => boolean) {
    this.#clock = clock;
    this.#ping = ping;
    this.#goesOn = goesOn;
  }

  /**
   * Resolves when the server has answered pings sent after this call. Failed pings are repeated
   * while the stream lives.
   */
  async ask(stream: Lifetime): Promise<void> {
    for (;;) {
      try {
        return await this.#rounds(stream);
      } catch (error) {
        if (stream.isOver || !this.#goesOn()) throw error;
        await new Promise<void>((resolve) => {
          const cancelTimer = this.#clock.setTimer(AGAIN_MS, () => resolve(unwatch()));
          const unwatch = stream.onOver(() => resolve(cancelTimer()));
        });
        if (stream.isOver) throw error;
      }
    }
  }

  /**
   * Sends pings one after another. A server does not confirm subscriptions, and answers the first
   * pings while it is still creating the subscription: it needs about ten steps for a subscription
   * and one for a ping. On a busy server both take longer, so a late answer suggests that the
   * subscription is late too.
   */
  async #rounds(stream: Lifetime): Promise<void> {
    const startedAt = this.#clock.now();
    let slowestMs = 0;
    for (let round = 1; round <= MOST_ROUNDS && !stream.isOver; round++) {
      const restMs = round < ROUNDS ? 0 : startedAt + LEAST_MS - this.#clock.now(); // promise: ready-waits-idle
      this.#sending ??= this.#send(restMs);
      slowestMs = Math.max(slowestMs, await this.#sending);
      const tookMs = this.#clock.now() - startedAt;
      // promise: ready-waits
      if (round >= ROUNDS && tookMs >= Math.max(LEAST_MS, TIMES_SLOWEST * slowestMs)) return;
    }
  }

  async #send(restMs: number): Promise<number> {
    if (restMs > 0) await new Promise<void>((resolve) => this.#clock.setTimer(restMs, resolve));
    const askedAt = this.#clock.now();
    await new Promise((resolve) => setImmediate(resolve));
    this.#sending = undefined; // later requests need their own ping
    await this.#ping();
    return this.#clock.now() - askedAt;
  }
}
