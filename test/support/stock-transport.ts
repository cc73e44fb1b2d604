import { type SessionSource, transportDefaults, type TransportOptions } from "../../src/transport/session/options.js";
import { resetSoon } from "../../src/transport/session/reset.js";
import { withFault } from "./connect-faults.js";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { constants } from "node:http2";

/** Connect writes deadlines in milliseconds whatever their size, and gRPC allows eight digits. */
const LONGEST_DEADLINE_MS = 99_999_999;

/** Connect's own transport on the same session: the reference that ours is tested and measured against. */
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
    async unary(method, signal, timeoutMs, ...rest) {
      try {
        return await stock.unary(method, signal, clamp(timeoutMs), ...rest);
      } catch (error) {
        throw withFault(error);
      }
    },
    async stream(method, signal, timeoutMs, ...rest) {
      try {
        const response = await stock.stream(method, signal, clamp(timeoutMs), ...rest);
        return { ...response, message: withFaults(response.message) };
      } catch (error) {
        throw withFault(error);
      }
    },
  };
}

async function* withFaults<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw withFault(error);
  }
}

function clamp(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, LONGEST_DEADLINE_MS);
}

/**
 * Connect resets streams from within their own events, which makes node:http2 spin or abort: here it happens in the next turn, as in ours. And
 * it never ends a call that the server resets before an answer and without an error: here that is an error of the stream.
 */
function mended(sessions: SessionSource): SessionSource {
  return {
    authority: sessions.authority,
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
    async request(...request) {
      const stream = await sessions.request(...request);
      const close = stream.close.bind(stream);
      stream.close = (code, callback) => {
        if (callback === undefined) return close(code); // by node:http2 itself, or in its time
        stream.once("close", callback);
        resetSoon(stream, stream.session, code ?? constants.NGHTTP2_CANCEL);
      };
      const noAnswer = () => {
        // Connect listens to a stream only if its call was not aborted before that; unheard, an error would end the process.
        const isHeard = stream.listenerCount("error") > 0;
        if (isHeard && stream.rstCode === constants.NGHTTP2_NO_ERROR)
          stream.emit("error", new Error("the stream was closed"));
      };
      stream.once("close", noAnswer).once("response", () => stream.off("close", noAnswer));
      return stream;
    },
  };
}
