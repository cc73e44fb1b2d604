import type { ContextValues, Interceptor } from "@connectrpc/connect";
import type { BinaryReadOptions, BinaryWriteOptions, JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";
import type { HandlerOptions } from "../api/message.js";
import type { IncomingQuery } from "../api/requests/queries.js";

/** How the messages of calls are encoded, and how large they may be. */
export interface MessageOptions {
  /** Options for the JSON format. Unknown fields are ignored by default. */
  jsonOptions?: Partial<JsonReadOptions & JsonWriteOptions> | undefined;
  /** Options for the binary format. */
  binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions> | undefined;
  /**
   * Refuses larger received messages with `ResourceExhausted`, in bytes. Default: the limit of the
   * client, `maxMessageBytes`.
   */
  readMaxBytes?: number | undefined;
  /**
   * Refuses to send larger messages, with `ResourceExhausted`, in bytes. Default: the limit of the
   * client, `maxMessageBytes`.
   */
  writeMaxBytes?: number | undefined;
}

/** Options of {@link kubemqTransport}. */
export interface KubeMQTransportOptions extends MessageOptions {
  /**
   * The channel of a service is this prefix and its full name. Servers must use the same prefix.
   * @default "rpc."
   */
  prefix?: string | undefined;
  /** Interceptors of every call; the first one is the outermost. */
  interceptors?: readonly Interceptor[] | undefined;
  /**
   * The deadline of calls without `timeoutMs`, in milliseconds. Default: the client's `timeoutMs`.
   * As in other transports of Connect, a call with `timeoutMs` of 0 or less has no deadline.
   */
  defaultTimeoutMs?: number | undefined;
  /**
   * False: sends JSON instead of the binary format of protobuf. Servers answer in the same format.
   * @default true
   */
  useBinaryFormat?: boolean | undefined;
  /**
   * Lets the server store the responses of methods with `idempotency_level = NO_SIDE_EFFECTS`, and
   * answer an equal request with equal headers itself, for `ttlSeconds`. Open-source servers have
   * no cache, and every call reaches a handler.
   */
  cache?: { readonly ttlSeconds: number } | undefined;
}

/** Options of a service or a method: those of Connect's routers that do not concern HTTP. */
export interface RouteOptions extends MessageOptions {
  /** Interceptors of every call; the first one is the outermost. */
  interceptors?: Interceptor[] | undefined;
  /**
   * Refuses calls with a longer deadline, with `InvalidArgument`, in milliseconds. Default: none.
   */
  maxTimeoutMs?: number | undefined;
}

/** Options of {@link serve}. */
export interface ServeOptions extends HandlerOptions<IncomingQuery>, RouteOptions {
  /**
   * The channel of a service is this prefix and its full name. Clients must use the same prefix.
   * @default "rpc."
   */
  prefix?: string | undefined;
  /**
   * Servers with the same group share the calls. Servers of another group receive every call, too,
   * and the first response wins.
   * @default "rpc"
   */
  group?: string | undefined;
  /** Maximum number of concurrent calls of a service; up to 256 more wait. @default 100 */
  concurrency?: number;
  /** Makes the context values of a call, such as the `clientId` of its caller. Default: none. */
  contextValues?: ((query: IncomingQuery) => ContextValues) | undefined;
}
