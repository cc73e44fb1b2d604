import type { ServerHttp2Stream } from "node:http2";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { kubemq } from "../../../gen/kubemq_pb.js";
import { prefixBytes } from "./envelope.js";
import { internal, unknown } from "./errors.js";
import type { Serve } from "./handling.js";
import { checkedLength, contextOf, decode, frame, outcomeOf } from "./handling.js";
import type { Reply } from "./reply.js";
import type { CallContext, Rpcs } from "../service.js";

type Handler = (request: Message, context: CallContext) => unknown;

/** The unary RPCs by their path. */
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
    reply.answer({ code: 0, message: "" }, frame(method.output, answer, max));
  } catch (error) {
    reply.answer(outcomeOf(error));
  }
}

/** Reads the single message of a unary call. */
function received(stream: ServerHttp2Stream, max: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      // An oversized message is not buffered beyond the chunk that shows its size.
      if (length <= max + prefixBytes || chunks.length === 0) chunks.push(chunk);
    });
    stream.once("end", () => {
      const [first] = chunks;
      const framed = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      if (framed.length < prefixBytes) return reject(unknown("EOF"));
      try {
        if (framed.length !== checkedLength(framed, max) + prefixBytes) throw internal("unexpected EOF");
      } catch (error) {
        return reject(error);
      }
      return resolve(framed.subarray(prefixBytes));
    });
    // A caller that is gone gets no answer; the reply would not accept one either.
    stream.once("close", () => reject(internal("the caller is gone")));
  });
}
