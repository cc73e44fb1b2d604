import { Code } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type Http2Session } from "node:http2";
import { TransportError, type TransportFault } from "../../support/transport-error.js";
import { recordReset } from "./refusals.js";

/** Creates the error of a lost connection or stream; all of them count as unavailable. */
function unavailable(fault: TransportFault, detail: string, cause: unknown): TransportError {
  // promise: reset-is-lost
  return new TransportError(fault, Code.Unavailable, `connection lost: ${detail}`, { cause });
}

/** The error of any call that ended without a status before it had a stream. */
export function endedUnopened(cause: unknown): TransportError {
  return unavailable({ kind: "lost", unprocessed: true }, "the stream was closed before it was opened", cause);
}

/**
 * The server of a connection, and whether it has ever sent HTTP/2, on this connection or on an
 * earlier one.
 */
export interface Greeting {
  isHeard: boolean;
  /** The name of the server; "" for none. */
  readonly server: string;
}

const greetings = new WeakMap<Http2Session, Greeting>();

/** Connections whose server has not sent its SETTINGS frame. */
const unsettled = new WeakSet<Http2Session>();

/** For a connection that this side ended because no SETTINGS frame arrived: how long it waited. */
const silentMs = new WeakMap<Http2Session, number>();

/**
 * The highest stream id that the server may have processed, from its GOAWAY (RFC 9113, section
 * 6.8).
 */
const lastProcessed = new WeakMap<Http2Session, number>();

/** Records, for a new connection, the facts that decide the errors of its calls. */
export function watchSession(session: Http2Session, greeting: Greeting): void {
  greetings.set(session, greeting);
  unsettled.add(session);
  session.once("remoteSettings", () => {
    greeting.isHeard = true;
    unsettled.delete(session);
  });
  session.on("goaway", (_code: number, lastStreamId: number) => lastProcessed.set(session, lastStreamId));
}

/**
 * Records that this side ends a connection because its server has sent nothing.
 *
 * @returns false when the server has sent its SETTINGS frame since
 */
export function markSilent(session: Http2Session, ms: number): boolean {
  if (unsettled.has(session)) silentMs.set(session, ms);
  return silentMs.has(session);
}

/** The error of a call whose stream ended without a status and was not cancelled by this side. */
export function lostStream(
  stream: ClientHttp2Stream,
  session: Http2Session | undefined,
  cause: unknown,
): TransportError {
  const unprocessed = isBeyondGoaway(stream, session);
  if (session === undefined || session.destroyed) {
    const { isHeard = true, server = "" } = (session && greetings.get(session)) ?? {};
    const closed = closedBecause(session, isHeard);
    const detail = server === "" ? closed : `${closed} (${server})`;
    // A server that has asked the connection to leave is not lost: the next connection may reach it.
    const isLost = server !== "" && session !== undefined && !lastProcessed.has(session);
    return unavailable({ kind: "lost", unprocessed, ...(isLost ? { server } : {}) }, detail, cause);
  }
  const rstCode = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  recordReset(session, rstCode);
  const refused = rstCode === constants.NGHTTP2_REFUSED_STREAM;
  const fault = { kind: "reset", rstCode, unprocessed: unprocessed || refused } as const;
  if (rstCode === constants.NGHTTP2_NO_ERROR) return unavailable(fault, "the stream ended without a status", cause);
  return unavailable(fault, `the stream was reset with ${resetName(rstCode)}`, cause);
}

function closedBecause(session: Http2Session | undefined, isHeard: boolean): string {
  const ms = session === undefined ? undefined : silentMs.get(session);
  if (ms !== undefined) return `the server accepted the connection and sent nothing within ${ms} ms`;
  return isHeard
    ? "the connection was closed"
    : "closed before the server spoke HTTP/2, it may want TLS, or refuse this client's certificate";
}

function isBeyondGoaway({ id }: ClientHttp2Stream, session: Http2Session | undefined): boolean {
  if (id === undefined) return true; // its HEADERS were never written
  const last = session === undefined ? undefined : lastProcessed.get(session);
  return last !== undefined && id > last;
}

function resetName(rstCode: number): string {
  return resetNames[rstCode] ?? `code ${rstCode}`;
}

/** Names of the error codes of RFC 9113, section 7. */
const resetNames: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];
