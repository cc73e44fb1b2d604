import type { Clock } from "./clock.js";

/**
 * What was sent on a stream and awaits its answer, by id, in the order of sending. Deadlines must come in that order too, as they
 * do when all time-outs are alike: one timer, for the oldest, then serves them all.
 */
export class Unanswered<Sent extends { readonly deadline: number }> {
  readonly #clock: Clock;
  readonly #onLate: (late: readonly Sent[]) => void;
  readonly #byId = new Map<string, Sent>();
  #cancelTimer: (() => void) | undefined;

  /** @param onLate gets what was not answered in time, and is not awaited any more */
  constructor(clock: Clock, onLate: (late: readonly Sent[]) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(id: string, sent: Sent): void {
    this.#byId.set(id, sent);
    this.#watch(sent.deadline);
  }

  /** Undefined for what was answered before, or was late. */
  take(id: string): Sent | undefined {
    const sent = this.#byId.get(id);
    if (sent !== undefined) this.#byId.delete(id);
    return sent;
  }

  /** Gives all, which are not awaited any more. */
  drain(): Sent[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const all = [...this.#byId.values()];
    this.#byId.clear();
    return all;
  }

  #watch(deadline: number): void {
    if (this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#clock.setTimer(Math.max(1, deadline - this.#clock.now()), () => {
      this.#cancelTimer = undefined;
      const late: Sent[] = [];
      for (const [id, sent] of this.#byId) {
        if (sent.deadline > this.#clock.now()) {
          this.#watch(sent.deadline);
          break;
        }
        this.#byId.delete(id);
        late.push(sent);
      }
      if (late.length > 0) this.#onLate(late);
    });
  }
}
