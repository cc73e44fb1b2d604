import type { Encoder, MessageProperties } from "../../api/codec.js";
import { KubeMQError } from "../../api/errors.js";
import type { Outgoing, Payload } from "../../api/message.js";
import { checkOutgoing, isForeignBytes, kind, quote, refuse } from "../checks.js";
import { textOfThrown } from "../thrown.js";
import { checkContractKind } from "./contract-kind.js";

/** Checks and encodes an outgoing message: the properties of its codec, and the body. */

/**
 * Checks the properties of a message, and adds those that its codec writes. Returns the message
 * itself if the codec writes none.
 */
export function completed<M extends Outgoing & Payload<unknown>>(operation: string, message: M): M {
  checkContractKind(operation, message);
  checkOutgoing(operation, message);
  if (message.codec?.properties === undefined) return message;
  const { channel } = message;
  const written = writtenProperties(operation, channel, message.codec, message.body);
  const metadata = written.metadata ?? message.metadata;
  // promise: codec-metadata-conflict
  if (message.metadata !== undefined && message.metadata !== metadata) {
    throw refuse(
      { operation, channel },
      `metadata must be left out, because the codec writes ${quote(metadata)}, got ${quote(message.metadata)}`,
    );
  }
  const complete = {
    ...message,
    ...(metadata === undefined ? {} : { metadata }),
    ...(written.tags === undefined ? {} : { tags: { ...message.tags, ...written.tags } }), // promise: codec-tags-win
  };
  checkOutgoing(operation, complete); // promise: codec-properties-checked
  return complete;
}

function writtenProperties<T>(operation: string, channel: string, codec: Encoder<T>, value: T): MessageProperties {
  try {
    return codec.properties?.(value) ?? {};
  } catch (cause) {
    throw encodeFailed(operation, channel, cause);
  }
}

/** Encodes a payload. Refuses a message without content, as servers do. */
export function encodePayload(operation: string, message: Outgoing & Payload<unknown>): Uint8Array {
  const { channel, codec } = message;
  const body = encodeBody(operation, message);
  if (body.length === 0 && (message.metadata ?? "") === "") {
    throw refuse(
      { operation, channel },
      `message must have a body or metadata: servers refuse a message with neither${codec === undefined ? "" : ", and the codec gave no bytes"}`,
    );
  }
  return body;
}

/** Encodes a body, which may be empty. */
export function encodeBody(
  operation: string,
  { channel, body, codec }: { channel: string } & Payload<unknown>,
): Uint8Array {
  if (codec === undefined) {
    if (body instanceof Uint8Array || isForeignBytes(body)) return body;
    if (typeof body === "string") return Buffer.from(body, "utf8");
    throw refuse(
      { operation, channel },
      `body must be a Uint8Array or a string, or come with a codec such as json(), got ${kind(body)}`,
    );
  }
  let encoded: unknown;
  try {
    encoded = codec.encode(body);
  } catch (cause) {
    throw encodeFailed(operation, channel, cause);
  }
  if (encoded instanceof Uint8Array || isForeignBytes(encoded)) return encoded;
  const wrong = `codec.encode must return a Uint8Array synchronously, returned ${kind(encoded)}`;
  throw new KubeMQError("ENCODE_FAILED", wrong, { operation, channel });
}

function encodeFailed(operation: string, channel: string, cause: unknown): KubeMQError {
  const why = textOfThrown(cause);
  return new KubeMQError("ENCODE_FAILED", `codec cannot encode the body: ${why}`, {
    cause,
    operation,
    channel,
    ...issuesOf(cause),
  });
}

/** The issues that a codec reported, for the error that wraps its error. */
export function issuesOf(cause: unknown): Pick<KubeMQError, "issues"> {
  return cause instanceof KubeMQError && cause.issues !== undefined ? { issues: cause.issues } : {};
}
