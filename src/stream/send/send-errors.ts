import type { KubeMQError } from "../../api/errors.js";
import type { Subject } from "../../support/checks.js";
import { fault } from "../../support/faults.js";
import { type About, subjectOf } from "./send.js";

/** The error of a send whose answer did not come in time. */
export function timeOutOf(subject: Subject): KubeMQError {
  return fault("TIMEOUT", subject, "no answer from the server in time, the message may have been taken");
}

/** The error of a send whose stream ended with an error. */
export function errorOf(send: Pick<About, "operation" | "channel">, error: KubeMQError, stream: Subject): KubeMQError {
  const prefix = `${stream.operation}: `;
  const text = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  const { code, retryable } = error;
  return fault(code, subjectOf(send), text, { cause: error, retryable });
}

/** Whether the server has no such stream, or refused the token that the stream came with and another one is worth a try. */
export function isRefusalOfStream({ code, retryable }: KubeMQError): boolean {
  return code === "UNSUPPORTED" || (code === "UNAUTHENTICATED" && retryable);
}
