import { EXIT } from "../exit.js";
import type { Terminal } from "./terminal.js";

/**
 * Aborts on Ctrl-C, on SIGTERM, and when the reader of standard output closes it. A second Ctrl-C
 * exits immediately.
 */
export function stopSignal(terminal: Terminal): AbortSignal {
  const stop = new AbortController();
  terminal.onStop(() => {
    if (stop.signal.aborted) terminal.exit(EXIT.interrupted);
    stop.abort();
  });
  terminal.stdout.on("error", () => stop.abort());
  return stop.signal;
}
