import type { KubeMQError } from "../api/errors.js";
import type { Subject } from "../support/checks.js";
import { fault, serverError } from "../support/faults.js";

/**
 * Converts a refusal on QueuesDownstream. The server's strings have trailing blanks and no error
 * numbers.
 */
export function settleError(text: string, subject: Subject): KubeMQError {
  if (/with closed response|transaction is completed|transaction id not found|invalid n?ack sequence/.test(text)) {
    return fault("LEASE_LOST", subject, `the server no longer holds this message: ${text.trim()}`);
  }
  return serverError(text, subject);
}

/**
 * The sequence at which a range failed. The messages before it were settled; the messages after it
 * were not processed.
 */
export function failedSequence(text: string): bigint | undefined {
  const found = /(?:sequence id|with seq) (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : BigInt(found);
}

export function alreadySettled(subject: Subject, sequence: bigint): KubeMQError {
  return fault("ALREADY_SETTLED", subject, `message ${sequence} was settled before`);
}

export function leaseLost(subject: Subject, sequence: bigint, cause?: unknown): KubeMQError {
  const text = `message ${sequence} is no longer held for this consumer; the server delivers it again`;
  return fault("LEASE_LOST", subject, text, { cause });
}

/**
 * Repeating the settlement cannot help: the message was settled, or is delivered again to any
 * consumer.
 */
export function outcomeUnknown(subject: Subject, sequence: bigint, why: string, cause?: unknown): KubeMQError {
  const text = `${why}: message ${sequence} was settled, or the server delivers it again`;
  return fault("UNAVAILABLE", subject, text, { cause, retryable: false });
}

export function noConfirmation(subject: Subject, sequence: bigint): KubeMQError {
  const text = `the server sent no confirmation in time: message ${sequence} was settled, or the server delivers it again`;
  return fault("TIMEOUT", subject, text);
}

export function noExtension(subject: Subject, sequence: bigint): KubeMQError {
  return fault(
    "TIMEOUT",
    subject,
    `the server did not confirm in time that the visibility of message ${sequence} was extended`,
  );
}
