import type { Clock } from "../../support/time/clock.js";
import { turn } from "../../support/time/turn.js";

/** Timers fire up to a millisecond early, and both times are rounded. */
const EARLY_MS = 2;

/** When something was last received from the server. */
export class Heard {
  readonly #clock: Clock;
  /** The event-loop turn of the last received data: the clock is read once a turn. */
  #turn = Number.NaN;
  /** -Infinity before the first data. Not undefined: see IdleTimer. */
  #receivedMs = -Infinity;
  /** When the client began to expect something from the server. */
  #expectedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#expectedMs = clock.now();
  }

  /** The time from which silence counts. */
  get lastMs(): number {
    return Math.max(this.#receivedMs, this.#expectedMs);
  }

  /** Something was received. */
  received(): void {
    const { number } = turn;
    if (number === this.#turn) return;
    this.#turn = number;
    this.#receivedMs = this.#clock.now();
  }

  /** Silence counts from now on: before, nothing was expected. */
  expect(): void {
    this.#expectedMs = this.#clock.now();
  }

  /**
   * What to report about a call without an answer in this time, if nothing else was received
   * either.
   */
  silenceOf(server: string, timeoutMs: number): string | undefined {
    const isEarlier = this.#clock.now() - this.#receivedMs >= timeoutMs - EARLY_MS;
    return isEarlier ? this.silence(server) : undefined;
  }

  /** What to report about a call during which nothing was received. */
  silence(server: string): string {
    return this.#receivedMs === -Infinity
      ? `${server} has sent nothing yet; is that the gRPC port of a KubeMQ server?`
      : `nothing was received from the server meanwhile, the connection may be dead (${server})`;
  }
}
