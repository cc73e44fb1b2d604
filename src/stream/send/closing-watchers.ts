/** Receives the reason why a sender accepts no more messages. */
export type ClosingWatcher = (reason: unknown) => void;

/** Tells watchers, such as a `publishAll` that waits for its source, that their sender closes. */
export class ClosingWatchers {
  readonly #watchers = new Set<ClosingWatcher>();

  /** Returns a function that stops watching. */
  add(watcher: ClosingWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Calls each watcher once. */
  tell(reason: unknown): void {
    for (const watcher of this.#watchers) watcher(reason);
    this.#watchers.clear();
  }
}
