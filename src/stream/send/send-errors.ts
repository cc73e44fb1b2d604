import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { reasonOf } from "../../support/checks.js";
import { fault, isNotReady } from "../../support/faults.js";
import { type About, subjectOf } from "./send.js";

type Timed = Pick<About, "operation" | "channel"> & { readonly timeoutMs: number | undefined };

/** The error of a send that was not answered in time. */
export function timeOutOf(send: Timed, connection: Connection): KubeMQError {
  const subject = subjectOf(send);
  const timeoutMs = send.timeoutMs ?? connection.options.timeoutMs;
  const text = `no answer from the server within ${timeoutMs} ms, the message may have been taken`;
  const silence = connection.silenceOf(timeoutMs);
  if (silence === undefined) return fault("TIMEOUT", subject, text); // promise: send-timeout-says-silence
  return fault("TIMEOUT", subject, `${text}; ${silence}`, { retryable: true });
}

/** The error of a send whose stream ended with an error. */
export function errorOf(send: Pick<About, "operation" | "channel">, error: KubeMQError): KubeMQError {
  const { code, retryable, serverCode } = error;
  const details = { cause: error, retryable, ...(serverCode === undefined ? {} : { serverCode }) };
  return fault(code, subjectOf(send), reasonOf(error), details);
}

/**
 * Whether the server does not have this stream, does not serve yet, or refused its token and a new
 * token may help.
 */
export function isRefusalOfStream({ code, retryable, cause }: KubeMQError): boolean {
  return code === "UNSUPPORTED" || (code === "UNAUTHENTICATED" && retryable) || isNotReady(cause);
}
