import { type ClientHttp2Stream, constants, type Http2Session } from "node:http2";
import { outlive } from "./lifetime.js";
import { setImmediate } from "../../support/timers.js";
/**
 * Resets a stream in the next turn of the event loop: inside the events of the stream, a reset
 * corrupts the memory of Node.js 20, which aborts (https://github.com/nodejs/node/issues/38964).
 *
 * Without an error code a stream that has ended by itself is not reset: servers close connections
 * for a burst of resets (https://github.com/nodejs/node/issues/56306).
 */
export function resetSoon(stream: ClientHttp2Stream, session: Http2Session | undefined, rstCode: number): void {
  if (rstCode !== constants.NGHTTP2_NO_ERROR) outlive(stream, session);
  setImmediate(() => {
    const ended = rstCode === constants.NGHTTP2_NO_ERROR && stream.writableFinished;
    if (!stream.closed && !ended) stream.close(rstCode);
  });
}
