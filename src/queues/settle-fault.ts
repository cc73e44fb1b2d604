import type { KubeMQError } from "../api/errors.js";
import type { Subject } from "../support/checks.js";
import { fault, serverError } from "../support/faults.js";

/** What a server says against a settlement on QueuesDownstream; the texts come with trailing blanks and without numbers. */
export function settleError(text: string, subject: Subject): KubeMQError {
  if (/with closed response|transaction is completed|transaction id not found|invalid n?ack sequence/.test(text)) {
    return fault("LEASE_LOST", subject, `the server does not hold this message any more: ${text.trim()}`);
  }
  return serverError(text, subject);
}

/** The sequence that a range failed at. Those before it in the range were settled, those behind it were not looked at. */
export function failedSequence(text: string): bigint | undefined {
  const found = /(?:sequence id|with seq) (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : BigInt(found);
}

export function alreadySettled(subject: Subject, sequence: bigint): KubeMQError {
  return fault("ALREADY_SETTLED", subject, `message ${sequence} was settled before`);
}

export function leaseLost(subject: Subject, sequence: bigint, cause?: unknown): KubeMQError {
  const text = `message ${sequence} is not held for this consumer any more, the server delivers it again`;
  return fault("LEASE_LOST", subject, text, { cause });
}

/** Settling again cannot help: the message was settled, or is delivered again to whoever comes. */
export function outcomeUnknown(subject: Subject, sequence: bigint, why: string, cause?: unknown): KubeMQError {
  const text = `${why}: message ${sequence} was settled, or the server delivers it again`;
  return fault("UNAVAILABLE", subject, text, { cause, retryable: false });
}

export function noConfirmation(subject: Subject, sequence: bigint): KubeMQError {
  const text = `no word from the server in time: message ${sequence} was settled, or the server delivers it again`;
  return fault("TIMEOUT", subject, text);
}

export function noExtension(subject: Subject, sequence: bigint): KubeMQError {
  return fault(
    "TIMEOUT",
    subject,
    `no word from the server whether the visibility of message ${sequence} was extended`,
  );
}
