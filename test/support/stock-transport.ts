import { type SessionSource, transportDefaults, type TransportOptions } from "../../src/transport/session/options.js";
import { resetSoon } from "../../src/transport/session/reset.js";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { constants } from "node:http2";

/** Connect writes deadlines in milliseconds, and gRPC allows at most eight digits. */
const LONGEST_DEADLINE_MS = 99_999_999;

/**
 * Connect's own transport on the same session: the reference for tests and benchmarks of this
 * package's transport.
 */
export function createStockTransport(options: TransportOptions): Transport {
  const sessionManager = mended(options.sessionManager);
  const stock = createGrpcTransport({
    baseUrl: sessionManager.authority,
    sessionManager,
    readMaxBytes: options.readMaxBytes ?? transportDefaults.readMaxBytes,
    writeMaxBytes: options.writeMaxBytes ?? transportDefaults.writeMaxBytes,
    acceptCompression: [],
  });
  return {
    unary: (method, signal, timeoutMs, ...rest) => stock.unary(method, signal, clamp(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) => stock.stream(method, signal, clamp(timeoutMs), ...rest),
  };
}

function clamp(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, LONGEST_DEADLINE_MS);
}

/**
 * Works around two defects of Connect. It resets streams inside their own events, which makes
 * node:http2 spin or abort: the reset happens in the next turn instead. And a call never ends when
 * the server resets it before a response and without an error: the reset is reported as an error of
 * the stream.
 */
function mended(sessions: SessionSource): SessionSource {
  return {
    authority: sessions.authority,
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
    async request(...request) {
      const stream = await sessions.request(...request);
      const close = stream.close.bind(stream);
      stream.close = (code, callback) => {
        if (callback === undefined) return close(code); // called by node:http2, or not inside an event
        stream.once("close", callback);
        resetSoon(stream, stream.session, code ?? constants.NGHTTP2_CANCEL);
      };
      const noAnswer = () => {
        // Connect adds its error listener only to calls that were not aborted before; otherwise an
        // error would end the process.
        const isHeard = stream.listenerCount("error") > 0;
        if (isHeard && stream.rstCode === constants.NGHTTP2_NO_ERROR)
          stream.emit("error", new Error("the stream was closed"));
      };
      stream.once("close", noAnswer).once("response", () => stream.off("close", noAnswer));
      return stream;
    },
  };
}
