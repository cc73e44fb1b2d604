import { KubeMQError } from "../api/errors.js";
import type { HandlerOptions } from "../api/message.js";
import type { Connection } from "../connection/connection.js";
import { backoffDelay } from "../support/backoff.js";
import { checkInteger } from "../support/checks.js";
import { DEFAULTS, MAX_TIMER_MS } from "../support/defaults.js";
import { fault } from "../support/faults.js";
import type { ReceivedRequest } from "./received-request.js";
import { openRequests, type RequestSource } from "./subscribe.js";

/** How long handlers may take to obey their signals, at most. */
const GRACE_MS = 1_000;

/** Runs the application's handler for a request; gives how to respond with what it returned. */
export type Work<R> = (request: R) => Promise<() => Promise<void>>;

/** Answers every request by its work; resolves when it was stopped and the handlers are done. */
export async function handleRequests<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  source: RequestSource<R>,
  work: Work<R>,
  options: HandlerOptions = {},
): Promise<void> {
  const { concurrency = DEFAULTS.concurrency, drainTimeoutMs = DEFAULTS.drainTimeoutMs } = options;
  const subject = { operation: source.operation, channel: source.filter.channel };
  checkInteger(subject, "concurrency", concurrency, 1, 1_000_000);
  checkInteger(subject, "drainTimeoutMs", drainTimeoutMs, 1, MAX_TIMER_MS);

  const running = new Set<R>();
  let stopped = false;
  let wake = () => {};
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const stream = openRequests(connection, source, options, () => {
    stopped = true;
    wake();
    return finished;
  });
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const request of stream) {
      running.add(request);
      void carryOut(connection, source, request, work).then(() => {
        running.delete(request);
        wake();
      });
      // A race against the running handlers would keep a reaction on each of them for every request.
      // promise: handle-concurrency
      if (running.size >= concurrency && !stopped) await new Promise<void>((resolve) => (wake = resolve));
    }
  } catch (error) {
    failure = { error };
  }
  const ignoring = await drain(connection, running, drainTimeoutMs, (watcher) => (wake = watcher));
  finish();
  if (failure !== undefined) throw failure.error;
  if (ignoring !== undefined) throw fault("TIMEOUT", subject, ignoring);
}

/** Waits for the handlers that run; gives what to say of those that ignore their signals. */
async function drain(
  { clock, options: { clientId } }: Connection,
  running: ReadonlySet<ReceivedRequest<unknown>>,
  boundMs: number,
  watch: (watcher: () => void) => void,
): Promise<string | undefined> {
  const settled = (ms: number) =>
    new Promise<boolean>((resolve) => {
      const cancelTimer = clock.setTimer(ms, () => resolve(false));
      const look = () => {
        if (running.size > 0) return;
        cancelTimer();
        resolve(true);
      };
      watch(look);
      look();
    });
  if (await settled(boundMs)) return undefined; // promise: handlers-drained
  for (const request of running) request.release(`responder ${clientId} stopped before its handler had finished`);
  if (await settled(Math.min(boundMs, GRACE_MS))) return undefined;
  const ids = [...running].slice(0, 3).map(({ id }) => id);
  return `stopped, but handlers ignore the signals of their requests and still run after ${boundMs} ms: ${running.size}, such as of ${ids.join(", ")}`;
}

/** Runs the handler of one request and sends what comes of it. Never rejects. */
async function carryOut<R extends ReceivedRequest<unknown>>(
  connection: Connection,
  { kind }: RequestSource<R>,
  request: R,
  work: Work<R>,
): Promise<void> {
  const failWith = (error: unknown) => () => request.fail(textOf(error)); // promise: handler-throw-fails-request
  let respond: () => Promise<void>;
  try {
    respond = await work(request);
  } catch (error) {
    respond = failWith(error);
  }
  let error = await deliver(connection, request, respond);
  // What cannot be sent, such as a value that the codec refuses, is the handler's failure too.
  if (KubeMQError.is(error, "ENCODE_FAILED", "INVALID_ARGUMENT")) {
    error = await deliver(connection, request, failWith(error));
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
