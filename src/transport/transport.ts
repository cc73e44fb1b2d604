import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Transport as ConnectTransport, UnaryResponse } from "@connectrpc/connect";
import type { CallOptions } from "./calls/call.js";
import { codecFor, type MessageCodec } from "./message-codec.js";
import { deadlineOf, type HeadersLike, RequestHeaders } from "./request-headers.js";
import { transportDefaults, type TransportOptions } from "./session/options.js";
import type { Source } from "./source.js";
import { StreamCall, type StreamOptions } from "./calls/stream-call.js";
import { UnaryCall } from "./calls/unary-call.js";

/** Makes calls. Its unary calls have the interface of Connect. */
export interface Transport extends Pick<ConnectTransport, "unary"> {
  /** False when a further stream would need a further connection. */
  readonly hasRoom?: boolean;
  /**
   * Opens a streaming call immediately. `input` yields its requests; a {@link "./push.js"} source
   * pushes them.
   */
  open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageInitShape<I>>,
    options?: StreamOptions,
  ): Source<MessageShape<O>>;
}

/** The common properties of all calls of a method. */
interface Route {
  readonly path: string;
  readonly input: MessageCodec;
  readonly output: MessageCodec;
}

/**
 * Creates a transport for the gRPC protocol, optimised for many small messages. It differs from
 * Connect's transport in its cost per message and in the errors of a lost connection, which Connect
 * reports as a cancelled call.
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

  function optionsOf(
    path: string,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersLike,
    isStream: boolean,
  ): CallOptions {
    const deadlineMs = deadlineOf(timeoutMs);
    return {
      signal,
      deadlineMs,
      readMaxBytes: settings.readMaxBytes,
      writeMaxBytes: settings.writeMaxBytes,
      request: () => settings.sessionManager.request("POST", path, headers.of(header, deadlineMs), {}, isStream),
    };
  }

  return {
    get hasRoom(): boolean {
      return settings.sessionManager.hasRoom !== false;
    },

    unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersLike,
      input: MessageInitShape<I>,
    ): Promise<UnaryResponse<I, O>> {
      const route = routeOf(method);
      return new Promise((resolve, reject) => {
        const call = new UnaryCall(
          method,
          route,
          optionsOf(route.path, signal, timeoutMs, header, false),
          resolve,
          reject,
        );
        call.start(input);
      });
    },

    open<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      input: AsyncIterable<MessageInitShape<I>>,
      stream: StreamOptions = {},
    ): Source<MessageShape<O>> {
      const route = routeOf(method);
      const call = optionsOf(route.path, undefined, stream.timeoutMs, stream.header, true);
      return new StreamCall<MessageInitShape<I>, MessageShape<O>>(input, route, call, stream).start();
    },
  };
}
