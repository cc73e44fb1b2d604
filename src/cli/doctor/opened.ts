import { once, type EventEmitter } from "node:events";

/** Resolves with the connection at its event; destroys it when that does not come in time. */
export async function opened<T extends EventEmitter & { destroy(): void }>(
  connection: T,
  event: string,
  timeoutMs: number,
): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    await once(connection, event, { signal: timeout.signal });
    return connection;
  } catch (error) {
    // A late error event must not end the process.
    connection.on("error", () => {});
    connection.destroy();
    if (!timeout.signal.aborted) throw error;
    throw Object.assign(new Error(`no answer within ${timeoutMs} ms`, { cause: error }), { code: "ETIMEDOUT" });
  } finally {
    clearTimeout(timer);
  }
}
