// The transport for a run of the suite. With KUBEMQ_ES_TRANSPORT=stock, jest.config.mjs substitutes
// this module for src/transport/index.ts, so that every client of the suite uses Connect's own
// transport.
import { createTransport as createOwnTransport, type Transport } from "../../src/transport/transport.js";
import { clearTimeout, setImmediate, setTimeout } from "../../src/support/timers.js";
import { deadlineOf } from "../../src/transport/request-headers.js";
import { deadlineExceeded } from "../../src/transport/response.js";
import type { TransportOptions } from "../../src/transport/session/options.js";
import { CallSessions } from "./connect-faults.js";
import { overConnect } from "./connect-streams.js";
import { createStockTransport } from "./stock-transport.js";

export { encodedSize } from "../../src/codec/reflection.js";
export { hasInvalidText } from "../../src/codec/text.js";
export { batchesOf } from "../../src/transport/batches.js";
export { Connector } from "../../src/transport/session/connector.js";
export { ConnectionPool } from "../../src/transport/session/pool.js";
export { sessionSettings } from "../../src/transport/session/options.js";

export function createTransport(options: TransportOptions): Transport {
  if (process.env["KUBEMQ_ES_TRANSPORT"] !== "stock") return createOwnTransport(options);
  return {
    async unary(method, signal, timeoutMs, ...call) {
      const deadlineMs = deadlineOf(timeoutMs);
      const sessionManager = new CallSessions(options.sessionManager, { isStream: false, deadlineMs });
      const connect = createStockTransport({ ...options, sessionManager });
      using ends = endsOf(signal, deadlineMs);
      return await overConnect(connect, sessionManager.explained).unary(method, ends.signal, 0, ...call);
    },
    open(method, input, call) {
      const sessionManager = new CallSessions(options.sessionManager, { isStream: true });
      const connect = createStockTransport({ ...options, sessionManager });
      return overConnect(connect, sessionManager.explained).open(method, input, call);
    },
    get hasRoom() {
      return options.sessionManager.hasRoom !== false;
    },
  };
}

/**
 * A signal for the caller's signal and the deadline. Connect's own deadline would end a call whose
 * answer waits in the socket of a busy process.
 */
function endsOf(signal: AbortSignal | undefined, deadlineMs: number | undefined): Disposable & { signal: AbortSignal } {
  const ends = new AbortController();
  const stop = new AbortController();
  if (signal?.aborted === true) ends.abort(signal.reason);
  signal?.addEventListener("abort", () => ends.abort(signal.reason), { signal: stop.signal });
  const late = () => setImmediate(() => ends.abort(deadlineExceeded()));
  const timer = deadlineMs === undefined ? undefined : setTimeout(late, deadlineMs);
  return {
    signal: ends.signal,
    [Symbol.dispose]() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}
