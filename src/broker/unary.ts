import type { DescMessage, DescMethod, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, isMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { ServerHttp2Stream } from "node:http2";
import { kubemq } from "../../gen/kubemq_pb.js";
import { envelope } from "./envelope.js";
import { internal } from "./errors.js";
import type { Outcome, Reply } from "./reply.js";
import type { CallContext, Rpcs } from "./service.js";
import { replyKey } from "./service.js";

type Handler = (request: Message, context: CallContext) => unknown;

/** Serves one call. */
export type Serve = (reply: Reply) => void;

const prefixBytes = 5;

/**
 * The unary RPCs by their path, on a short way past Connect: its generators, headers and abort
 * controllers cost a call many times what the broker does for it.
 */
export function unaryCalls(rpcs: Rpcs, maxMessageBytes: number): ReadonlyMap<string, Serve> {
  const handlers = new Map<string, unknown>(Object.entries(rpcs));
  const calls = new Map<string, Serve>();
  for (const method of kubemq.methods) {
    const handler = handlers.get(method.localName);
    if (method.methodKind !== "unary" || handler === undefined) continue;
    calls.set(`/${kubemq.typeName}/${method.name}`, (reply) => {
      void serve(method, handler as Handler, reply, maxMessageBytes);
    });
  }
  return calls;
}

async function serve(method: DescMethod, handler: Handler, reply: Reply, max: number): Promise<void> {
  try {
    const request = decode(method.input, await received(reply.stream, max));
    const answer = await handler(request, contextOf(reply));
    const framed = envelope(method.output, messageOf(method.output, answer));
    const size = framed.length - prefixBytes;
    if (size > max) throw tooLarge(`trying to send message larger than max (${size} vs. ${max})`);
    reply.answer({ code: 0, message: "" }, framed);
  } catch (error) {
    reply.answer(outcomeOf(error));
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof ConnectError) return { code: error.code, message: error.rawMessage };
  return { code: Code.Internal, message: `internal error: ${String(error)}` };
}

const tooLarge = (text: string) => new ConnectError(`grpc: ${text}`, Code.ResourceExhausted);

/** The bytes of the one message that a unary call consists of. */
function received(stream: ServerHttp2Stream, max: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      // Of a message that is too large nothing is kept beyond the chunk that shows it.
      if (length <= max + prefixBytes || chunks.length === 0) chunks.push(chunk);
    });
    stream.once("end", () => {
      const [first] = chunks;
      const framed = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      if (framed.length < prefixBytes) return reject(internal("grpc: the request has no message"));
      const size = framed.readUInt32BE(1);
      if (size > max) return reject(tooLarge(`received message larger than max (${size} vs. ${max})`));
      if (framed[0] !== 0) {
        return reject(internal("grpc: compressed flag set with identity or empty encoding"));
      }
      if (framed.length !== size + prefixBytes) {
        return reject(internal("grpc: the request is not one whole message"));
      }
      return resolve(framed.subarray(prefixBytes));
    });
    // A caller that is gone gets no answer; the reply takes none either.
    stream.once("close", () => reject(internal("the caller is gone")));
  });
}

function decode(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw internal(`grpc: error unmarshalling request: ${String(error)}`);
  }
}

const messageOf = (desc: DescMessage, answer: unknown): MessageShape<DescMessage> =>
  isMessage(answer, desc) ? answer : create(desc, answer as MessageInitShape<DescMessage>);

// An abort makes an exception unless it is given a reason, which nobody looks at here.
const gone = "the call is over";

function contextOf(reply: Reply): CallContext {
  let controller: AbortController | undefined;
  return {
    // Few handlers look at it.
    get signal() {
      if (controller === undefined) {
        const made = (controller = new AbortController());
        if (reply.stream.destroyed) made.abort(gone);
        else reply.stream.once("close", () => made.abort(gone));
      }
      return controller.signal;
    },
    get values() {
      return createContextValues().set(replyKey, reply);
    },
  };
}
