import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { kubemq } from "../../../gen/kubemq_pb.js";
import { prefixBytes } from "./envelope.js";
import { internal, unknown } from "./errors.js";
import type { Serve } from "./handling.js";
import { checkedLength, contextOf, decode, frame, outcomeOf } from "./handling.js";
import type { Reply } from "./reply.js";
import type { CallContext, Rpcs } from "../service.js";
import { clearTimeout, setTimeout } from "../timers.js";

type Handler = (request: unknown, context: CallContext) => AsyncIterable<unknown>;

/**
 * The streaming RPCs by path. Connect's adapter refuses strings that are not UTF-8, which KubeMQ
 * servers accept, and has no option for it.
 */
export function streamingCalls(rpcs: Rpcs, maxMessageBytes: number): ReadonlyMap<string, Serve> {
  const handlers = new Map<string, unknown>(Object.entries(rpcs));
  const calls = new Map<string, Serve>();
  for (const method of kubemq.methods) {
    const handler = handlers.get(method.localName);
    if (method.methodKind === "unary" || handler === undefined) continue;
    calls.set(`/${kubemq.typeName}/${method.name}`, (reply, headers) => {
      limitTime(reply, headers["grpc-timeout"]);
      void serve(method, handler as Handler, reply, maxMessageBytes);
    });
  }
  return calls;
}

async function serve(method: DescMethod, handler: Handler, reply: Reply, max: number): Promise<void> {
  try {
    const requests = received(method.input, reply, max);
    const request = method.methodKind === "server_streaming" ? await only(requests) : requests;
    for await (const answer of handler(request, contextOf(reply))) {
      await written(reply, frame(method.output, answer, max));
    }
    reply.conclude({ code: 0, message: "" });
  } catch (error) {
    reply.conclude(outcomeOf(error));
  }
}

/** The messages of a call. Ends when the client closes its side, and fails with the call. */
async function* received(desc: DescMessage, { stream }: Reply, max: number): AsyncGenerator<Message> {
  let chunks: Buffer[] = [];
  let length = 0;
  let needed = prefixBytes;
  try {
    // A handler that reads no more requests may still send answers.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length < needed) continue;
      let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks, length);
      for (;;) {
        needed = rest.length < prefixBytes ? prefixBytes : checkedLength(rest, max) + prefixBytes;
        if (rest.length < needed) break;
        yield decode(desc, rest.subarray(prefixBytes, needed));
        rest = rest.subarray(needed);
      }
      chunks = rest.length === 0 ? [] : [rest];
      length = rest.length;
    }
    if (length > 0) throw internal("unexpected EOF");
  } finally {
    // The stream is closed only after all data from the client has been read.
    stream.resume();
  }
}

/** The single request of a server-streaming call. */
async function only(requests: AsyncGenerator<Message>): Promise<Message> {
  for await (const request of requests) return request;
  throw unknown("EOF");
}

/** Resolves when the client has room for the next answer, or is gone. */
function written(reply: Reply, framed: Uint8Array): Promise<void> | undefined {
  if (reply.write(framed)) return undefined;
  return new Promise((resolve) => {
    const go = () => {
      reply.off("drain", go);
      reply.off("close", go);
      resolve();
    };
    reply.on("drain", go);
    reply.on("close", go);
  });
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Ends a call when the client's deadline has passed. */
function limitTime(reply: Reply, timeout: unknown): void {
  const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(timeout)) ?? [];
  const ms = Number(amount) * (unitMs[unit] ?? Number.NaN);
  if (!(ms < 2 ** 31)) return;
  const timer = setTimeout(
    () => reply.finish({ code: Code.DeadlineExceeded, message: "context deadline exceeded" }),
    ms,
  );
  reply.stream.once("close", () => clearTimeout(timer));
}
