import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import type { MethodCall } from "./call.js";
import { codecFor, type MessageCodec } from "./codec.js";
import { deadlineOf, type HeadersLike, RequestHeaders } from "./headers.js";
import { transportDefaults, type TransportOptions } from "./session/options.js";
import { StreamCall } from "./stream.js";
import { UnaryCall } from "./unary.js";

export { hasInvalidText } from "../codec/text.js";
export { batchesOf, BatchStream } from "./batches.js";
export type { BatchReader, BatchSource } from "./batches.js";
export { Connector } from "./session/connector.js";
export type { Keepalive } from "./session/leaving.js";
export { sessionSettings } from "./session/options.js";
export type { ConnectionOptions, TransportOptions } from "./session/options.js";

/** What all calls of a method have in common. */
interface Route {
  readonly path: string;
  readonly input: MessageCodec;
  readonly output: MessageCodec;
}

/**
 * A Connect transport for the gRPC protocol, made for many small messages.
 *
 * It differs from Connect's own in where it spends time, and in telling a lost connection (unavailable, "connection lost: …") from
 * a cancelled call. A stream's `message` can be taken in batches ({@link batchesOf}), and leaving its loop cancels the call.
 */
export function createTransport(options: TransportOptions): Transport {
  const settings = { ...transportDefaults, ...options };
  const headers = new RequestHeaders();
  const routes = new Map<DescMethod, Route>();

  function routeOf(method: DescMethod): Route {
    let route = routes.get(method);
    if (route === undefined) {
      route = {
        path: `/${method.parent.typeName}/${method.name}`,
        input: codecFor(method.input, settings.codecs),
        output: codecFor(method.output, settings.codecs),
      };
      routes.set(method, route);
    }
    return route;
  }

  function methodCall<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersLike,
  ): MethodCall<I, O> {
    const deadlineMs = deadlineOf(timeoutMs);
    const { path, input, output } = routeOf(method);
    return {
      input,
      output,
      inputSchema: method.input,
      outputSchema: method.output,
      signal,
      deadlineMs,
      readMaxBytes: settings.readMaxBytes,
      writeMaxBytes: settings.writeMaxBytes,
      request: () => settings.sessionManager.request("POST", path, headers.of(header, deadlineMs), {}),
    };
  }

  return {
    unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersLike,
      input: MessageInitShape<I>,
    ): Promise<UnaryResponse<I, O>> {
      return new Promise((resolve, reject) => {
        const call = methodCall<I, O>(method, signal, timeoutMs, header);
        new UnaryCall(call, method, resolve, reject).start(input);
      });
    },

    stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersLike,
      input: AsyncIterable<MessageInitShape<I>>,
    ): Promise<StreamResponse<I, O>> {
      const call = methodCall<I, O>(method, signal, timeoutMs, header);
      const response = new StreamCall(call, input as AsyncIterable<MessageShape<I>>).open(method);
      // A call may fail before anyone looks at it: that is an outcome, not a crash.
      response.catch(() => {}); // promise: unobserved-subscription
      return response;
    },
  };
}
