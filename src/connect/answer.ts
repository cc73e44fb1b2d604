import { Code, ConnectError, type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { invokeUnaryImplementation } from "@connectrpc/connect/protocol";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { KubeMQError } from "../api/errors.js";
import type { QueryOutcome, QueryReply, IncomingQuery } from "../api/requests/queries.js";
import { onAbort } from "../support/abort.js";
import { ENDED } from "./deadline.js";
import {
  addContentType,
  addError,
  addHeaders,
  checkFormat,
  HEADER_PREFIX,
  headersIn,
  isBinary,
  sendable,
  TRAILER_PREFIX,
} from "./format.js";
import type { Route } from "./routes.js";

type MakeValues = (query: IncomingQuery) => ContextValues;

/**
 * Calls the method that a query names, and responds. Throws an error that the caller may not see.
 */
export async function answer(
  query: IncomingQuery,
  methods: ReadonlyMap<string, Route>,
  makeValues: MakeValues = createContextValues,
): Promise<QueryOutcome> {
  const route = methods.get(query.metadata);
  let call: Call | undefined;
  let reply: QueryReply;
  let hidden: { readonly error: unknown } | undefined;
  try {
    checkFormat(query.tags);
    if (route === undefined) throw new ConnectError(`${query.metadata} is not implemented`, Code.Unimplemented);
    call = new Call(query, route, makeValues);
    const output = call.invoke();
    reply = call.reply(isPromise(output) ? await output : output);
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) hidden = { error: thrown };
    // promise: rpc-error-hidden
    const error = thrown instanceof ConnectError ? thrown : new ConnectError("internal error", Code.Internal);
    const checked = sendable(error, route?.options.jsonOptions);
    if (checked.fault !== undefined) hidden = { error: checked.fault };
    reply = failure(checked.error, call?.context, route);
  }
  call?.end();
  try {
    await (reply.error === undefined ? query.respond(reply) : query.fail(reply.error, reply));
  } catch (error) {
    // A response that is lost with its connection is sent again by `queries.handle`.
    if (!KubeMQError.is(error, "INVALID_ARGUMENT")) return reply; // promise: rpc-too-large-answered
    // The reply is valid, but too large.
    return failure(new ConnectError(error.message, Code.ResourceExhausted), undefined, route);
  }
  if (hidden !== undefined) throw hidden.error; // promise: rpc-error-reported
  return ""; // ignored: the query is answered
}

/**
 * By shape: a handler may return a promise of another realm or library, which is no `Promise` here.
 */
function isPromise<T>(output: T | Promise<T>): output is Promise<T> {
  return typeof (output as { readonly then?: unknown } | undefined | null)?.then === "function";
}

function failure(error: ConnectError, context: HandlerContext | undefined, route: Route | undefined): QueryReply {
  const tags: Record<string, string> = {};
  const header = new Headers(context?.responseHeader);
  error.metadata.forEach((value, name) => header.set(name, value));
  addHeaders(tags, HEADER_PREFIX, header);
  if (context !== undefined) addHeaders(tags, TRAILER_PREFIX, context.responseTrailer);
  addError(tags, error, route?.options.jsonOptions);
  return { error: error.message, tags };
}

/** One call of a unary method. */
class Call {
  readonly context: HandlerContext;
  readonly #query: IncomingQuery;
  readonly #route: Route;
  readonly #isBinary: boolean;
  #controller: AbortController | undefined;
  #unwatch: (() => void) | undefined;

  constructor(query: IncomingQuery, route: Route, makeValues: MakeValues) {
    const { method } = route.spec;
    const signal = () => this.#signal();
    this.#query = query;
    this.#route = route;
    this.#isBinary = isBinary(query.tags);
    this.context = {
      method,
      service: method.parent,
      // Created on first access: few handlers use it, and it needs a timer.
      get signal() {
        return signal();
      },
      timeoutMs: () => query.remainingMs,
      requestMethod: "POST",
      requestHeader: headersIn(query.tags, HEADER_PREFIX, Code.InvalidArgument),
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
      protocolName: "kubemq",
      values: makeValues(query),
      url: route.url,
    };
  }

  /** Runs the interceptors and the implementation. */
  invoke(): Promise<MessageInitShape<DescMessage>> | MessageInitShape<DescMessage> {
    const { spec, options, serialization } = this.#route;
    const { timeoutMs, body } = this.#query;
    const { interceptors = [], maxTimeoutMs = Infinity } = options;
    // promise: rpc-stream-not-served
    if (spec.kind !== "unary") {
      throw new ConnectError("streaming methods cannot be called over KubeMQ", Code.Unimplemented);
    }
    if (timeoutMs > maxTimeoutMs) {
      throw new ConnectError(`timeout ${timeoutMs} ms must be <= ${maxTimeoutMs}`, Code.InvalidArgument);
    }
    const input = serialization.getI(this.#isBinary).parse(body);
    if (interceptors.length === 0) return spec.impl(input, this.context);
    return invokeUnaryImplementation(spec, this.context, input, interceptors);
  }

  reply(output: MessageInitShape<DescMessage>): QueryReply {
    const { spec, serialization } = this.#route;
    const tags: Record<string, string> = {};
    addContentType(tags, this.#isBinary);
    addHeaders(tags, HEADER_PREFIX, this.context.responseHeader);
    addHeaders(tags, TRAILER_PREFIX, this.context.responseTrailer);
    const message = create(spec.method.output, output);
    return { body: serialization.getO(this.#isBinary).serialize(message), tags };
  }

  end(): void {
    this.#unwatch?.();
    this.#controller?.abort(ENDED);
  }

  #signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    // promise: rpc-handler-deadline
    this.#unwatch = onAbort(this.#query.signal, () => controller.abort(reasonOf(this.#query)));
    return controller.signal;
  }
}

/** The reason why the response is no longer needed: the deadline passed, or the server stopped. */
function reasonOf({ signal }: IncomingQuery): ConnectError {
  const { message } = signal.reason as Error;
  const code = KubeMQError.is(signal.reason, "TIMEOUT") ? Code.DeadlineExceeded : Code.Unavailable;
  return new ConnectError(message, code, undefined, undefined, signal.reason);
}
