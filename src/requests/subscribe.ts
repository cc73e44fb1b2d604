import { checkKnown } from "../support/names/known.js";
import { REQUEST_PLACES } from "../support/names/places.js";
import type { Decoder } from "../api/codec.js";
import type { RequestStreamOptions, Unanswered } from "../api/requests/request.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { within } from "../support/time/clock.js";
import { once, pingMethod, pingRequest } from "../connection/wire.js";
import type { WireSubscribe } from "./wire.js";
import { StreamEngine } from "../stream/engine.js";
import type { Leave, StreamPlan } from "../stream/plan.js";
import { checkChannelFilter, checkGroup, checkSize, refuse, type Subject } from "../support/checks.js";
import { DEFAULTS } from "../support/defaults.js";
import type { Source } from "../transport/index.js";
import type { ReceivedRequest, ResponsePath } from "./received-request.js";
import {
  estimatedSize,
  exactSize,
  type RequestKind,
  requestParts,
  type RequestParts,
  requestsSubscription,
  responseOf,
  sendResponseMethod,
  subscribeToRequestsMethod,
  type WireRequest,
} from "./wire.js";

/** Which requests a subscription receives, and how it converts them. */
export interface RequestSource<R> {
  readonly kind: RequestKind;
  readonly operation: string;
  readonly filter: { readonly channel: string; readonly group?: string | undefined };
  make(parts: RequestParts, path: ResponsePath): R;
}

/** The source of a command or query subscription. `Received` is the class of its requests. */
export function requestSource<T, R>(
  kind: RequestKind,
  call: "subscribe" | "handle",
  filter: SubscribeRequest<T>,
  Received: new (parts: RequestParts, codec: Decoder<T> | undefined, path: ResponsePath) => R,
): RequestSource<R> {
  const { codec } = filter;
  return { kind, operation: `${kind}.${call}`, filter, make: (parts, path) => new Received(parts, codec, path) };
}

const FILTER = ["channel", "group", "codec", "responseCodec"];

const SUBSCRIBE_PLACES = { "the options, the second argument": ["signal", "reconnect", "unanswered"] };

const HANDLE_PLACES = {
  "the options, the last argument": ["signal", "reconnect", "concurrency", "drainTimeoutMs", "onError"],
};

/** Maximum requests buffered while the loop is busy. */
const CAPACITY = 256;

/**
 * Subscribes to requests. With `handlers`, handlers work on the requests outside the loop, so
 * leaving the loop does not wait for a loop body.
 */
export function openRequests<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  source: RequestSource<R>,
  options: RequestStreamOptions = {},
  { handlers }: { readonly handlers: boolean } = { handlers: false },
): StreamEngine<WireRequest, R> {
  const { operation, filter } = source;
  const subject = { operation, channel: filter.channel };
  checkKnown(subject, "", filter, FILTER, handlers ? HANDLE_PLACES : SUBSCRIBE_PLACES);
  checkChannelFilter(operation, filter.channel);
  const group = checkGroup(operation, filter.channel, filter.group);
  checkKnown(subject, "", options, ["signal", "reconnect", "unanswered"], REQUEST_PLACES[source.kind]);
  const { unanswered = "fail", ...stream } = options;
  if (unanswered !== "fail" && unanswered !== "leave") {
    throw refuse(subject, `unanswered must be "fail" or "leave", got ${String(unanswered)}`);
  }
  const subscribe = requestsSubscription(source.kind, connection.options.clientId, filter.channel, group);
  const plan = new RequestPlan(connection, source, subscribe, unanswered, handlers);
  const requests = new StreamEngine(plan, connection, stream);
  requests.ready.then(
    () => plan.onReady(),
    () => {},
  );
  return requests;
}

/** Sends the responses of one subscription. */
function responsePath(connection: Connection, kind: RequestKind): ResponsePath {
  const { clientId, maxMessageBytes } = connection.options;
  return {
    kind,
    clock: connection.clock,
    async send(operation, request, outcome, options) {
      const subject = { operation, channel: request.channel };
      const response = responseOf(clientId, request, outcome);
      checkSize(subject, estimatedSize(response), () => exactSize(response), maxMessageBytes);
      // promise: respond-while-closing
      await connection.unary(sendResponseMethod, response, { ...subject, options, settles: true });
    },
  };
}

/**
 * Number of pings sent after a cancellation, one after another. Without a ping, a server (community
 * v2.4.0) sent one more request to 44 of 60 closed subscriptions. After one ping it sent one to 4
 * of 100, after two to none of 100.
 */
const PINGS = 3;

/**
 * Resolves when the server has had the time to end a cancelled subscription, so that the next
 * request goes to another responder. Never rejects.
 */
function subscriptionEnded(connection: Connection): Promise<void> {
  const { closeTimeoutMs: timeoutMs } = DEFAULTS;
  const ping = () =>
    connection.unary(pingMethod, pingRequest, { operation: "client.probe", timeoutMs, background: true });
  const pings = async () => {
    for (let count = 0; count < PINGS; count++) await ping();
  };
  // A connection that is lost has ended the subscription, too.
  return within(
    connection.clock,
    timeoutMs,
    pings().catch(() => {}),
  );
}

class RequestPlan<R extends ReceivedRequest<unknown>> implements StreamPlan<WireRequest, R> {
  readonly operation: string;
  readonly channel: string;
  readonly kind: RequestKind;
  readonly capacity = CAPACITY;
  readonly #connection: Connection;
  readonly #source: RequestSource<R>;
  readonly #subscribe: WireSubscribe;
  readonly #path: ResponsePath;
  readonly #unanswered: Unanswered;
  readonly #handlers: boolean;
  #call: Source<WireRequest> | undefined;
  #bodyDone = () => {};
  #isReady = false;

  constructor(
    connection: Connection,
    source: RequestSource<R>,
    subscribe: WireSubscribe,
    unanswered: Unanswered,
    handlers: boolean,
  ) {
    this.operation = source.operation;
    this.channel = source.filter.channel;
    this.kind = source.kind;
    this.#connection = connection;
    this.#source = source;
    this.#subscribe = subscribe;
    this.#path = responsePath(connection, source.kind);
    this.#unanswered = unanswered;
    this.#handlers = handlers;
  }

  /** The server has answered behind a subscription of this stream. */
  onReady(): void {
    this.#isReady = true;
  }

  open(): Source<WireRequest> {
    const subject: Subject = { operation: this.operation, channel: this.channel };
    this.#call = this.#connection.open(subscribeToRequestsMethod, once(this.#subscribe), subject);
    return this.#call;
  }

  map(wire: WireRequest): R {
    return this.#source.make(requestParts(wire), this.#path);
  }

  isStale(request: R): boolean {
    return request.isLate; // promise: late-request-skipped
  }

  onLost(): boolean {
    this.#call = undefined;
    return false;
  }

  onRelease(request: R): void {
    this.#release(request, "before it handled the request"); // promise: release-fails-waiting-requests
  }

  onAbandoned(request: R): void {
    this.#release(request, "without an answer"); // promise: break-fails-request
    this.#bodyDone();
  }

  onFinished(): void {
    this.#bodyDone();
  }

  onLeave(how: Leave, inBody: R | undefined): Promise<void> | undefined {
    // Responses use calls of their own. The subscription ends immediately, so that the server sends
    // no further request to it.
    const call = this.#call;
    call?.cancel(); // promise: stopped-responder-cancels
    // promise: closed-service-has-ended
    if (this.#handlers) return this.#isReady && call !== undefined ? subscriptionEnded(this.#connection) : undefined;
    if (how === "return" || inBody?.isOpen !== true) return undefined;
    return new Promise((resolve) => {
      const boundMs = Math.min(inBody.remainingMs, DEFAULTS.closeTimeoutMs);
      const cancelTimer = this.#connection.clock.setTimer(boundMs, resolve);
      this.#bodyDone = () => {
        cancelTimer();
        resolve();
      };
      inBody.onAnswered(this.#bodyDone);
    });
  }

  #release(request: R, how: string): void {
    if (this.#unanswered === "fail") request.release(`responder ${this.#connection.options.clientId} stopped ${how}`);
  }
}
