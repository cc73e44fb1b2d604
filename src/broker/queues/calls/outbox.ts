interface Outgoing<T> {
  readonly item: T;
  readonly taken: () => void;
}

type State = { is: "open" } | { is: "ended" } | { is: "failed"; error: unknown };

/**
 * The responses of a call, in order. Senders wait until the client reads, so at most one response
 * per sender is queued.
 */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #items: Outgoing<T>[] = [];
  #state: State = { is: "open" };
  #wake: (() => void) | undefined;

  /** Resolves when the item was sent, or never will be. */
  send(item: T): Promise<void> {
    if (this.#state.is !== "open") return Promise.resolve();
    return new Promise((taken) => {
      this.#items.push({ item, taken });
      this.#wake?.();
    });
  }

  /** Ends the call after the queued items. */
  end(): void {
    if (this.#state.is === "open") this.#state = { is: "ended" };
    this.#wake?.();
  }

  /** Ends the call with an error immediately. */
  fail(error: unknown): void {
    if (this.#state.is !== "failed") this.#state = { is: "failed", error };
    this.#drop();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const next = this.#items.shift();
        if (next !== undefined) {
          next.taken();
          yield next.item;
        } else if (this.#state.is === "failed") {
          throw this.#state.error;
        } else if (this.#state.is === "ended") {
          return;
        } else {
          await new Promise<void>((wake) => {
            this.#wake = wake;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.end();
      this.#drop();
    }
  }

  #drop(): void {
    for (const { taken } of this.#items.splice(0)) taken();
  }
}
