import type { Terminal } from "./terminal.js";

const INTERVAL_MS = 100;

/** A counter on one terminal line; silent when standard error is not a terminal. */
export interface Progress {
  set(done: number): void;
  /** Erases the line. */
  end(): void;
}

export function startProgress({ stderr }: Terminal, what: string, total?: number): Progress {
  if (!stderr.isTTY) return { set: () => {}, end: () => {} };
  let drawnAt = -Infinity;
  const of = total === undefined ? "" : ` of ${total.toLocaleString("en")}`;
  return {
    set(done) {
      const now = performance.now();
      if (now - drawnAt < INTERVAL_MS) return;
      drawnAt = now;
      stderr.write(`\r\u001b[K${what} ${done.toLocaleString("en")}${of}`);
    },
    end() {
      if (drawnAt !== -Infinity) stderr.write("\r\u001b[K");
    },
  };
}

/** Shows how many messages were received, when they do not appear on the same terminal. */
export function progressOf<T>(terminal: Terminal, messages: AsyncIterable<T>): AsyncIterable<T> {
  return terminal.stdout.isTTY ? messages : counted(terminal, "received", messages);
}

/** Shows how many items were taken, until the last one. */
export async function* counted<T>(terminal: Terminal, what: string, items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const progress = startProgress(terminal, what);
  let count = 0;
  try {
    for await (const item of items) {
      yield item;
      progress.set((count += 1));
    }
  } finally {
    progress.end();
  }
}
