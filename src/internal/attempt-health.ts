import type { Clock } from "./clock.js";

/** An attempt that has worked for so long starts its back-off anew. */
const HEALTHY_MS = 10_000;

/** How a plan ended an attempt. */
export type Verdict = "renew" | "finish";

/** Whether an attempt has worked, for how long, and whether its plan ended it. */
export class AttemptHealth {
  verdict: Verdict | undefined;
  readonly #clock: Clock;
  #upSince: number | undefined;
  #received = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True the first time. */
  rises(): boolean {
    if (this.#upSince !== undefined) return false;
    this.#upSince = this.#clock.now();
    return true;
  }

  received(): void {
    this.#received = true;
  }

  get wasHealthy(): boolean {
    return this.#received || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= HEALTHY_MS);
  }
}
