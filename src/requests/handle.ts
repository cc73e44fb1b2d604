import { KubeMQError } from "../api/errors.js";
import type { HandlerOptions } from "../api/message.js";
import type { Service } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { checkLimits, HandlerService, reportFailure } from "../stream/handlers.js";
import { backoffDelay } from "../support/time/backoff.js";
import { DEFAULTS } from "../support/defaults.js";
import type { ReceivedRequest } from "./received-request.js";
import { openRequests, type RequestSource } from "./subscribe.js";

/** Runs the application's handler for a request; returns how to respond with what it returned. */
export type Work<R> = (request: R) => Promise<() => Promise<void>>;

/** Answers every request by its work. */
export function handleRequests<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  source: RequestSource<R>,
  work: Work<R>,
  options: HandlerOptions<NoInfer<R>> = {},
): Service {
  const subject = { operation: source.operation, channel: source.filter.channel };
  const { drainTimeoutMs } = DEFAULTS;
  const limits = checkLimits(subject, options, { drainTimeoutMs, mostConcurrent: 1_000_000 });
  const why = `responder ${connection.options.clientId} stopped before its handler had finished`;
  const plan = {
    open: () => openRequests(connection, source, options, { handlers: true }),
    work: (request: R) => carryOut(connection, source, request, work, options),
    giveUp: (request: R) => request.release(why),
  };
  return new HandlerService(connection, subject, plan, limits, options.signal);
}

/** Runs the handler of one request and sends what comes of it. Never rejects. */
async function carryOut<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  { kind }: RequestSource<R>,
  request: R,
  work: Work<R>,
  options: HandlerOptions<R>,
): Promise<void> {
  const failWith = (error: unknown) => () => request.fail(textOf(error)); // promise: handler-throw-fails-request
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
  // What cannot be sent, such as a value that the codec refuses, is the handler's failure too.
  if (KubeMQError.is(error, "ENCODE_FAILED", "INVALID_ARGUMENT")) {
    error = await deliver(connection, request, failed(error));
  }
  if (error === undefined) return;
  connection.report({ type: "response-failed", channel: request.channel, kind, requestId: request.id, error });
}

/**
 * Sends a response, and again while the connection is lost and the asker waits: the server keeps the first answer to a request
 * and drops others, so nothing is doubled. Gives why it could not be sent.
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
      const error = KubeMQError.is(thrown) ? thrown : new KubeMQError("INTERNAL", textOf(thrown), { cause: thrown });
      if (error.code === "ALREADY_RESPONDED") return undefined;
      // promise: response-sent-again
      if (!error.retryable || reconnect === false || failures > reconnect.maxAttempts) return error;
      const delayMs = Math.min(backoffDelay(reconnect, failures, random), Math.max(request.remainingMs, 0));
      await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
    }
  }
  return undefined;
}

/** By shape: errors of another realm are not instances of this one's class. */
function textOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | undefined | null)?.message;
  return typeof message === "string" && message !== "" ? message : String(error);
}
