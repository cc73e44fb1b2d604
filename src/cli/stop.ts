import { EXIT } from "./exit.js";

/**
 * Aborts on Ctrl-C, on SIGTERM, and when the reader of standard output closes it. A second Ctrl-C
 * exits immediately.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.stdout.on("error", () => stop.abort());
  return stop.signal;
}
