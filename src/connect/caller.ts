import { Code, ConnectError, type ContextValues, createContextValues } from "@connectrpc/connect";
import type { UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import { create, type DescMethodUnary, type MessageInitShape, type DescMessage } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { QueriesClient } from "../api/requests/queries.js";
import { MAX_TIMER_MS } from "../support/defaults.js";
import { Deadline } from "./deadline.js";
import { connectError } from "./faults.js";
import {
  addContentType,
  addHeaders,
  cacheKey,
  checkFormat,
  errorIn,
  HEADER_PREFIX,
  headersIn,
  isBinary,
  procedureOf,
  type Serialization,
  serializationOf,
  TRAILER_PREFIX,
  urlOf,
} from "./format.js";
import type { KubeMQTransportOptions } from "./options.js";

type Next = (request: UnaryRequest) => Promise<UnaryResponse>;

/**
 * Calls one method. `runUnaryCall` of Connect would do this with three abort controllers a call and
 * a new `DOMException`, a tenth of the CPU time of a call.
 */
export class Caller {
  readonly #queries: QueriesClient;
  readonly #method: DescMethodUnary;
  readonly #channel: string;
  readonly #url: string;
  readonly #procedure: string;
  readonly #options: KubeMQTransportOptions;
  readonly #isBinary: boolean;
  readonly #serialization: Serialization;
  readonly #cacheSeconds: number | undefined;

  constructor(queries: QueriesClient, method: DescMethodUnary, prefix: string, options: KubeMQTransportOptions) {
    this.#queries = queries;
    this.#method = method;
    this.#channel = prefix + method.parent.typeName;
    this.#url = urlOf(this.#channel, method);
    this.#procedure = procedureOf(method);
    this.#options = options;
    this.#isBinary = options.useBinaryFormat ?? true;
    this.#serialization = serializationOf(method, options);
    const isCacheable = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    this.#cacheSeconds = isCacheable ? options.cache?.ttlSeconds : undefined; // promise: rpc-cache-without-effects
  }

  /** @throws {ConnectError} with the code of the abort or of the response, or `Unknown` */
  async run(
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: ConstructorParameters<typeof Headers>[0],
    input: MessageInitShape<DescMessage>,
    contextValues: ContextValues | undefined,
  ): Promise<UnaryResponse> {
    const method = this.#method;
    const { interceptors = [], defaultTimeoutMs } = this.#options;
    const message = create(method.input, input);
    const headers = new Headers(header);
    const deadline = new Deadline(signal, limitOf(timeoutMs ?? defaultTimeoutMs), (limitMs) => this.#late(limitMs));
    const request: UnaryRequest = {
      stream: false,
      service: method.parent,
      method,
      requestMethod: "POST",
      url: this.#url,
      header: headers,
      contextValues: contextValues ?? createContextValues(),
      message,
      get signal() {
        return deadline.signal;
      },
    };
    const call: Next = (changed) =>
      this.#call(changed, deadline, changed === request ? deadline.cheapSignal : changed.signal);
    // The first interceptor is the outermost, as everywhere in Connect.
    const next = interceptors.reduceRight<Next>((inner, intercept) => intercept(inner as never) as Next, call);
    try {
      return await deadline.bound(next(request));
    } catch (error) {
      throw connectError(error, signal);
    } finally {
      deadline.end();
    }
  }

  async #call(
    { message, header }: UnaryRequest,
    { remainingMs }: Deadline,
    signal: AbortSignal | undefined,
  ): Promise<UnaryResponse> {
    const tags: Record<string, string> = {};
    addContentType(tags, this.#isBinary);
    addHeaders(tags, HEADER_PREFIX, header);
    const body = this.#serialization.getI(this.#isBinary).serialize(message);
    const answer = await this.#send(body, tags, {
      ...(signal === undefined ? {} : { signal }), // promise: rpc-signal-cancels
      ...(remainingMs === undefined ? {} : { timeoutMs: remainingMs }), // promise: rpc-deadline-sent
    });
    if (!answer.ok) throw errorIn(answer.tags, answer.error);
    checkFormat(answer.tags);
    return {
      stream: false,
      service: this.#method.parent,
      method: this.#method,
      header: headersIn(answer.tags, HEADER_PREFIX, Code.Internal),
      trailer: headersIn(answer.tags, TRAILER_PREFIX, Code.Internal),
      message: this.#serialization.getO(isBinary(answer.tags)).parse(answer.body),
    };
  }

  async #send(body: Uint8Array, tags: Record<string, string>, options: { signal?: AbortSignal; timeoutMs?: number }) {
    const query = { channel: this.#channel, metadata: this.#procedure, body, tags };
    const ttlSeconds = this.#cacheSeconds;
    try {
      if (ttlSeconds === undefined) return await this.#queries.send(query, options);
      const key = cacheKey(this.#channel, this.#procedure, tags, body);
      return await this.#queries.send({ ...query, cache: { key, ttlSeconds } }, options);
    } catch (error) {
      throw connectError(error, options.signal); // interceptors look at its code
    }
  }

  #late(limitMs: number): ConnectError {
    const why = `no answer on ${this.#channel} within ${limitMs} ms`;
    return new ConnectError(
      `${this.#procedure}: ${why}: no server serves it, or its handler takes longer`,
      Code.DeadlineExceeded,
    );
  }
}

/** A deadline in milliseconds. Servers do not accept a query without a time-out. */
function limitOf(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return undefined;
  if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)) {
    throw new ConnectError(
      `timeoutMs must be a number of milliseconds, got ${String(timeoutMs)}`,
      Code.InvalidArgument,
    );
  }
  return timeoutMs <= 0 ? MAX_TIMER_MS : Math.min(timeoutMs, MAX_TIMER_MS);
}
