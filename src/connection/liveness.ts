import { KubeMQError } from "../api/errors.js";
import type { Clock } from "../support/clock.js";
import type { Keepalive } from "../transport/index.js";

/** What the liveness check needs of the connection. */
export interface Watched {
  /** When something was last received, by the clock. */
  lastReceived(): number;
  /** Pings the server; rejects when there is no answer within the time-out. */
  ping(timeoutMs: number): Promise<unknown>;
  /** The connection is dead: every stream on it must come back on another. */
  dead(): void;
}

/**
 * Notices a half-open connection, which the operating system does not for minutes. It pings by the unary Ping: servers punish
 * frequent HTTP/2 PINGs by closing the connection. Timers run only between `start` and `stop`, while streams are open.
 */
export class Liveness {
  readonly #settings: Keepalive;
  readonly #clock: Clock;
  readonly #watched: Watched;
  #cancel: (() => void) | undefined;

  constructor(settings: Keepalive, clock: Clock, watched: Watched) {
    this.#settings = settings;
    this.#clock = clock;
    this.#watched = watched;
  }

  start(): void {
    if (this.#cancel === undefined) this.#schedule(this.#settings.intervalMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#clock.setTimer(delayMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    const check = this.#cancel;
    const silentMs = this.#clock.now() - this.#watched.lastReceived();
    // promise: busy-not-pinged
    if (silentMs < this.#settings.intervalMs) return this.#schedule(this.#settings.intervalMs - silentMs);
    const since = this.#clock.now();
    try {
      await this.#watched.ping(this.#settings.timeoutMs);
    } catch (error) {
      // A refusal is an answer, too, and a lost connection is told to its streams without us; a ping that crosses a GOAWAY is refused while
      // they go on. And another answer may have come while this one got lost in a busy process.
      const silent = KubeMQError.is(error, "TIMEOUT") && this.#watched.lastReceived() < since; // promise: ping-silence
      if (silent && this.#cancel === check) this.#watched.dead(); // promise: dead-connection-noticed
    }
    if (this.#cancel === check) this.#schedule(this.#settings.intervalMs);
  }
}
