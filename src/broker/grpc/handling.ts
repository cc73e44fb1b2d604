import type { IncomingHttpHeaders } from "node:http2";
import type { DescMessage, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, isMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import { envelope, prefixBytes } from "./envelope.js";
import { internal } from "./errors.js";
import { decodeMessage } from "./lossless.js";
import type { Outcome, Reply } from "./reply.js";
import type { CallContext } from "../service.js";
import { replyKey } from "../service.js";

/** Serves one call. */
export type Serve = (reply: Reply, headers: IncomingHttpHeaders) => void;

const tooLarge = (text: string): ConnectError => new ConnectError(`grpc: ${text}`, Code.ResourceExhausted);

/** The length of a message, from its gRPC prefix. */
export function checkedLength(prefix: Buffer, max: number): number {
  const length = prefix.readUInt32BE(1);
  if (length > max) throw tooLarge(`received message larger than max (${length} vs. ${max})`);
  if (prefix[0] !== 0) throw internal("grpc: compressed flag set with identity or empty encoding");
  return length;
}

export function decode(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return decodeMessage(desc, bytes);
  } catch (error) {
    throw internal(`grpc: error unmarshalling request: ${String(error)}`);
  }
}

/** The bytes of an answer. */
export function frame(desc: DescMessage, answer: unknown, max: number): Uint8Array {
  const framed = envelope(desc, messageOf(desc, answer));
  const size = framed.length - prefixBytes;
  if (size > max) throw tooLarge(`trying to send message larger than max (${size} vs. ${max})`);
  return framed;
}

export function outcomeOf(error: unknown): Outcome {
  if (error instanceof ConnectError) return { code: error.code, message: error.rawMessage };
  return { code: Code.Internal, message: `internal error: ${String(error)}` };
}

const messageOf = (desc: DescMessage, answer: unknown): MessageShape<DescMessage> =>
  isMessage(answer, desc) ? answer : create(desc, answer as MessageInitShape<DescMessage>);

// Without a given reason, abort creates an exception that nothing here uses.
const CALL_OVER = "the call is over";

export function contextOf(reply: Reply): CallContext {
  let controller: AbortController | undefined;
  return {
    // Created on demand: few handlers use it.
    get signal() {
      if (controller === undefined) {
        const made = (controller = new AbortController());
        if (reply.stream.destroyed) made.abort(CALL_OVER);
        else reply.stream.once("close", () => made.abort(CALL_OVER));
      }
      return controller.signal;
    },
    get values() {
      return createContextValues().set(replyKey, reply);
    },
  };
}
