import { KubeMQError } from "../../api/errors.js";

/**
 * The error for one of several messages, with the index of the message, if the client refused it.
 */
export function atIndex(error: unknown, index: number): unknown {
  if (!KubeMQError.is(error, "INVALID_ARGUMENT", "ENCODE_FAILED")) return error;
  const { code, message, cause, operation, channel, issues } = error;
  return new KubeMQError(code, `message at index ${index}: ${message}`, {
    cause,
    ...(operation === undefined ? {} : { operation }),
    ...(channel === undefined ? {} : { channel }),
    ...(issues === undefined ? {} : { issues }),
  });
}

/** Converts each message of a batch. A message that is refused is named by its index. */
export function eachIndexed<M, R>(messages: readonly M[], convert: (message: M) => R): R[] {
  const converted: R[] = [];
  for (let at = 0; at < messages.length; at++) {
    try {
      converted.push(convert(messages[at] as M));
    } catch (error) {
      throw atIndex(error, at); // promise: refused-message-index
    }
  }
  return converted;
}
