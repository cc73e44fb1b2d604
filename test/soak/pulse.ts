import { KubeMQError, type KubeMQClient } from "kubemq-es";
import { sleep } from "../support/until.js";
import { Latency } from "./producer.js";
import { LINES } from "./lines.js";
import type { World } from "./world.js";

const EVERY_MS = 200;
/** Half the time-out of the liveness check: on a line, a ping may have taken twice as long. */
const LATE_MS = 1_000;
/** A slower ping means that the machine is busy. */
const BUSY_MS = 300;

/**
 * Pings the broker on a line without faults. When that is slow, the machine is busy, which explains
 * delays elsewhere.
 */
export class Pulse {
  readonly #world: World;
  /** Total time in which the machine or the broker was busy. */
  busyMs = 0;
  readonly #roundTrips = new Latency("round trips of pings");
  #startedAt = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async run(client: KubeMQClient, signal: AbortSignal): Promise<void> {
    this.#startedAt = performance.now();
    while (!signal.aborted) {
      const from = performance.now();
      await sleep(EVERY_MS);
      const sentAt = performance.now();
      try {
        await client.ping();
        this.#roundTrips.since(sentAt);
      } catch (error) {
        if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT")) throw error; // the broker is restarting
      }
      const tookMs = performance.now() - from - EVERY_MS;
      if (tookMs < BUSY_MS) continue;
      this.busyMs += tookMs;
      for (const line of LINES) this.#world.windows.begin(line, from)();
      if (tookMs >= LATE_MS) for (const line of LINES) this.#world.busy.begin(line, from)();
    }
  }

  line(): string {
    const share = this.busyMs / (performance.now() - this.#startedAt);
    return `machine or broker busy: ${Math.round(100 * share)} % of the time; ${this.#roundTrips.line()}`;
  }
}
