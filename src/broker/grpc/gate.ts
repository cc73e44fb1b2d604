import type { Cancel, Clock } from "../clock.js";

type Passage =
  | { readonly state: "open" }
  | { readonly state: "slow"; readonly ms: number }
  | { readonly state: "shut"; readonly waiting: Set<() => void> };

/** Every answer passes the gate, which is open, delays answers, or is closed until opened again. */
export class Gate {
  readonly #clock: Clock;
  #passage: Passage = { state: "open" };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#passage.state === "open";
  }

  get isShut(): boolean {
    return this.#passage.state === "shut";
  }

  /** How long each answer is delayed. */
  get delayMs(): number {
    return this.#passage.state === "slow" ? this.#passage.ms : 0;
  }

  open(): void {
    const passage = this.#passage;
    this.#passage = { state: "open" };
    if (passage.state === "shut") for (const go of passage.waiting) go();
  }

  shut(): void {
    if (this.#passage.state !== "shut") this.#passage = { state: "shut", waiting: new Set() };
  }

  slow(ms: number): void {
    this.open();
    if (ms > 0) this.#passage = { state: "slow", ms };
  }

  /** Calls `go` as soon as the gate lets an answer pass. The returned function cancels that. */
  pass(go: () => void): Cancel {
    const passage = this.#passage;
    if (passage.state === "slow") return this.#clock.setTimer(passage.ms, go);
    if (passage.state === "shut") {
      passage.waiting.add(go);
      return () => void passage.waiting.delete(go);
    }
    go();
    return () => {};
  }
}
