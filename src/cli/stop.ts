import { EXIT } from "./exit.js";

/** Aborts at Ctrl-C, at SIGTERM, and when the reader of standard output has gone. A second Ctrl-C does not wait. */
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
