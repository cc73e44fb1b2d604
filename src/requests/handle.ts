import { KubeMQError } from "../api/errors.js";
import type { HandlerOptions } from "../api/message.js";
import type { Service, Subscription } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { checkLimits, HandlerService, reportFailure, streamOptionsOf } from "../stream/handlers.js";
import { backoffDelay } from "../support/time/backoff.js";
import { DEFAULTS } from "../support/defaults.js";
import { textOfThrown } from "../support/thrown.js";
import type { ReceivedRequest } from "./received-request.js";
import { openRequests, type RequestSource } from "./subscribe.js";

/** Runs the application's handler for a request. Returns a function that sends the response. */
export type Work<R> = (request: R) => Promise<() => Promise<void>>;

/** Answers every request with the result of `work`. */
export function handleRequests<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  source: RequestSource<R>,
  work: Work<R>,
  options: HandlerOptions<NoInfer<R>> = {},
): Service {
  const subject = { operation: source.operation, channel: source.filter.channel };
  const { drainTimeoutMs } = DEFAULTS;
  const limits = checkLimits(subject, source.kind, options, { drainTimeoutMs, mostConcurrent: 1_000_000 });
  const why = `responder ${connection.options.clientId} stopped before its handler had finished`;
  let requests: Subscription<R> | undefined;
  const plan = {
    open: () => (requests = openRequests(connection, source, streamOptionsOf(options), { handlers: true })),
    settled: async () => void (await requests?.closed),
    work: (request: R) => carryOut(connection, source, request, work, options),
    givenUp: { kind: source.kind, outcome: "answered" } as const,
    hasSignals: true,
    giveUp: (request: R) => request.release(why),
  };
  return new HandlerService(connection, subject, plan, limits, options.signal);
}

/** Runs the handler of one request and sends its response. Never rejects. */
async function carryOut<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  { kind }: RequestSource<R>,
  request: R,
  work: Work<R>,
  options: HandlerOptions<R>,
): Promise<void> {
  const failWith = (error: unknown) => () => request.fail(textOfThrown(error)); // promise: handler-throw-fails-request
  const failed = (error: unknown) => {
    reportFailure(connection, { kind, message: request, error, outcome: "answered" }, options);
    return failWith(error);
  };
  let respond: () => Promise<void>;
  try {
    respond = await work(request);
  } catch (error) {
    respond = failed(error);
  }
  let error = await deliver(connection, request, respond);
  // A response that cannot be sent, such as a value that the codec rejects, is a handler failure
  // too.
  if (KubeMQError.is(error, "ENCODE_FAILED", "INVALID_ARGUMENT")) {
    error = await deliver(connection, request, failed(error));
  }
  if (error === undefined) return;
  connection.report({ type: "response-failed", channel: request.channel, kind, requestId: request.id, error });
}

/**
 * Sends a response, and repeats it while the connection is lost and the request has not timed out.
 * The server keeps the first response to a request and drops others, so nothing is duplicated.
 * Returns the error that prevented sending.
 */
async function deliver(
  { reconnect, clock, random }: Connection,
  request: ReceivedRequest<unknown>,
  respond: () => Promise<void>,
): Promise<KubeMQError | undefined> {
  for (let failures = 1; request.isOpen; failures++) {
    try {
      await respond();
    } catch (thrown) {
      const error = KubeMQError.is(thrown)
        ? thrown
        : new KubeMQError("INTERNAL", textOfThrown(thrown), { cause: thrown });
      if (error.code === "ALREADY_RESPONDED") return undefined;
      // promise: response-sent-again
      if (!error.retryable || reconnect === false || failures > reconnect.maxAttempts) return error;
      const delayMs = Math.min(backoffDelay(reconnect, failures, random), Math.max(request.remainingMs, 0));
      await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
    }
  }
  return undefined;
}
