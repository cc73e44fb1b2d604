import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import { fault, isNotReady } from "../../support/faults.js";
import { type About, subjectOf } from "./send.js";

/** The error of a send that was not answered in time. */
export function timeOutOf(subject: Subject): KubeMQError {
  return fault("TIMEOUT", subject, "no answer from the server in time, the message may have been taken");
}

/** The error of a send whose stream ended with an error. */
export function errorOf(send: Pick<About, "operation" | "channel">, error: KubeMQError, stream: Subject): KubeMQError {
  const prefix = `${stream.operation}: `;
  const text = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  const { code, retryable, serverCode } = error;
  const details = { cause: error, retryable, ...(serverCode === undefined ? {} : { serverCode }) };
  return fault(code, subjectOf(send), text, details);
}

/**
 * Whether the server does not have this stream, does not serve yet, or refused its token and a new
 * token may help.
 */
export function isRefusalOfStream({ code, retryable, cause }: KubeMQError): boolean {
  return code === "UNSUPPORTED" || (code === "UNAUTHENTICATED" && retryable) || isNotReady(cause);
}
