import { KubeMQError } from "../../api/errors.js";
import type { Clock } from "../../support/time/clock.js";
import { setImmediate } from "../../support/timers.js";
import type { Keepalive } from "../../transport/index.js";

/** The part of the connection that the liveness check uses. */
export interface Watched {
  /** The clock's time of the last received data, in milliseconds. */
  lastReceived(): number;
  /** Whether a stream is open or a call waits for its answer. */
  isUsed(): boolean;
  /** Pings the server. Rejects when no answer arrives within the time-out. */
  ping(timeoutMs: number): Promise<unknown>;
  /** Reports a dead connection: every stream on it must move to another one. */
  dead(): void;
}

/**
 * Detects a half-open connection, for which the operating system needs minutes. It uses the unary
 * Ping, because servers close the connection of a client that sends HTTP/2 PINGs often.
 *
 * It watches from `start` to `stop`, or until no stream and no waiting call uses the connection.
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

  /**
   * Pings immediately after a call was not answered in time, even when nothing uses the connection
   * now.
   */
  checkNow(): void {
    if (this.#state.kind === "pinging") {
      // The result of the pending ping may describe the time before this suspicion, so another ping
      // follows.
      this.#state.isSuspected = true;
      return;
    }
    this.stop();
    void this.#ping();
  }

  #wait(delayMs: number): void {
    // The connection keeps the process alive where needed, so this timer does not.
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

  /** @param late the time of a ping that was sent late, when this ping repeats it */
  async #ping(late?: { readonly since: number; readonly isSuspected: boolean }): Promise<void> {
    const pinging: State = { kind: "pinging", isSuspected: late?.isSuspected === true };
    this.#state = pinging;
    const pingedAt = this.#clock.now();
    const since = late?.since ?? pingedAt;
    // node:http2 writes the ping at the end of the turn, before this callback.
    let sentAt = Infinity;
    setImmediate(() => (sentAt = this.#clock.now()));
    try {
      await this.#watched.ping(this.#settings.timeoutMs);
    } catch (error) {
      // Only silence counts. A refusal is an answer. The streams of a lost connection receive its
      // error without this check. A ping that crosses a GOAWAY is refused while the streams
      // continue. A busy process may miss the answer to the ping and still have received other data
      // since.
      const silent = KubeMQError.is(error, "TIMEOUT") && this.#watched.lastReceived() < since; // promise: ping-silence
      if (silent && this.#state === pinging) {
        // A blocked event loop sends the ping late, and leaves the server little time or none. An
        // answer to the late ping counts during the second one, which therefore always decides.
        const isLate = late === undefined && sentAt - pingedAt > this.#settings.timeoutMs / 2;
        if (isLate) return this.#ping({ since, isSuspected: pinging.isSuspected }); // promise: late-ping-repeated
        this.#watched.dead(); // promise: dead-connection-noticed
      }
    }
    if (this.#state !== pinging) return;
    if (pinging.isSuspected) void this.#ping();
    else this.#wait(this.#settings.intervalMs);
  }
}

type State =
  | { readonly kind: "off" }
  | { readonly kind: "waiting"; readonly cancelTimer: () => void }
  /** A new object for each ping, so that a late result of a stopped ping is recognised. */
  | { readonly kind: "pinging"; isSuspected: boolean };

const OFF: State = { kind: "off" };
