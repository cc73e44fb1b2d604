import type { Clock } from "../support/clock.js";
import { setImmediate } from "../support/timers.js";

/** Something that lives for a while, such as a stream. */
export interface Lifetime {
  readonly isOver: boolean;
  /** Calls back once when it is over, at once if it is. Returns how to prevent that. */
  onOver(run: () => void): () => void;
}

/** How long to wait before the ping behind a stream is sent again, should only the ping have failed. */
const AGAIN_MS = 1_000;

/** How many pings are answered behind a request before it counts as carried out: see `#rounds`. */
const ROUNDS = 12;

/** They take at least this many times as long as the slowest of them, */
const TIMES_SLOWEST = 3;

/** but are no more than this many. */
const MOST_ROUNDS = 32;

/** Pings behind requests to which a server may be silent. One ping answers for all who asked before it was sent. */
export class Probe {
  readonly #clock: Clock;
  readonly #ping: () => Promise<unknown>;
  readonly #goesOn: () => boolean;
  #sending: Promise<void> | undefined;

  /** @param goesOn whether another ping may be sent after one that failed */
  constructor(clock: Clock, ping: () => Promise<unknown>, goesOn: () => boolean) {
    this.#clock = clock;
    this.#ping = ping;
    this.#goesOn = goesOn;
  }

  /** Resolves when the server has answered pings sent after now, which are sent again while the stream lives. */
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
   * One ping after another. A server confirms no subscription: it answers the ping behind the request while it still sets the
   * subscription up, which takes it about ten steps where a ping takes one. On a busy server both take longer, and a ping that was
   * held up says that the other may have been, too.
   */
  async #rounds(stream: Lifetime): Promise<void> {
    const startedAt = this.#clock.now();
    let slowestMs = 0;
    for (let round = 1; round <= MOST_ROUNDS && !stream.isOver; round++) {
      const askedAt = this.#clock.now();
      this.#sending ??= this.#send();
      await this.#sending;
      const now = this.#clock.now();
      slowestMs = Math.max(slowestMs, now - askedAt);
      // promise: ready-waits
      if (round >= ROUNDS && now - startedAt >= TIMES_SLOWEST * slowestMs) return;
    }
  }

  async #send(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sending = undefined; // who asks from now on needs a ping of its own
    await this.#ping();
  }
}
