import { KubeMQError } from "../../api/errors.js";
import type { Clock } from "../../support/time/clock.js";
import type { Keepalive } from "../../transport/index.js";

/** What the liveness check needs of the connection. */
export interface Watched {
  /** When something was last received, by the clock. */
  lastReceived(): number;
  /** Whether a stream is open or a call waits for its answer. */
  isUsed(): boolean;
  /** Pings the server; rejects when there is no answer within the time-out. */
  ping(timeoutMs: number): Promise<unknown>;
  /** The connection is dead: every stream on it must come back on another. */
  dead(): void;
}

/**
 * Notices a half-open connection, which the operating system does not for minutes. It pings by the unary Ping: servers punish
 * frequent HTTP/2 PINGs by closing the connection.
 *
 * It watches from `start` to `stop`, or until nothing uses the connection any more: streams, or calls that wait for an answer.
 */
export class Liveness {
  readonly #settings: Keepalive;
  readonly #clock: Clock;
  readonly #watched: Watched;
  #state: State = OFF;

  constructor(settings: Keepalive, clock: Clock, watched: Watched) {
    this.#settings = settings;
    this.#clock = clock;
    this.#watched = watched;
  }

  start(): void {
    if (this.#state.kind === "off") this.#wait(this.#settings.intervalMs);
  }

  stop(): void {
    if (this.#state.kind === "waiting") this.#state.cancelTimer();
    this.#state = OFF;
  }

  /** A call was not answered in time: pings at once, although nothing may use the connection now. */
  suspect(): void {
    if (this.#state.kind === "pinging") {
      // What it brings may be about the time before.
      this.#state.isSuspected = true;
      return;
    }
    this.stop();
    void this.#ping();
  }

  #wait(delayMs: number): void {
    // The connection itself keeps the process alive, where that is wanted.
    const cancelTimer = this.#clock.setTimer(delayMs, () => this.#check(), { holdsProcess: false });
    this.#state = { kind: "waiting", cancelTimer };
  }

  #check(): void {
    this.#state = OFF;
    if (!this.#watched.isUsed()) return;
    const silentMs = this.#clock.now() - this.#watched.lastReceived();
    // promise: busy-not-pinged
    if (silentMs < this.#settings.intervalMs) this.#wait(this.#settings.intervalMs - silentMs);
    else void this.#ping();
  }

  async #ping(): Promise<void> {
    const pinging: State = { kind: "pinging", isSuspected: false };
    this.#state = pinging;
    const since = this.#clock.now();
    try {
      await this.#watched.ping(this.#settings.timeoutMs);
    } catch (error) {
      // A refusal is an answer, too, and a lost connection is told to its streams without us; a ping that crosses a GOAWAY is refused while
      // they go on. And another answer may have come while this one got lost in a busy process.
      const silent = KubeMQError.is(error, "TIMEOUT") && this.#watched.lastReceived() < since; // promise: ping-silence
      if (silent && this.#state === pinging) this.#watched.dead(); // promise: dead-connection-noticed
    }
    if (this.#state !== pinging) return;
    if (pinging.isSuspected) void this.#ping();
    else this.#wait(this.#settings.intervalMs);
  }
}

type State =
  | { readonly kind: "off" }
  | { readonly kind: "waiting"; readonly cancelTimer: () => void }
  /** An object of its own for each ping, so that one that was stopped is known. */
  | { readonly kind: "pinging"; isSuspected: boolean };

const OFF: State = { kind: "off" };
