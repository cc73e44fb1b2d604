import type { Command } from "commander";
import type { SubscribeRequest, IncomingRequest, Subscription } from "../../index.js";
import { benchOptions, benchRoundTrips, type BenchOptions } from "./bench.js";
import { lineOf, recordOf } from "./record.js";
import type { Session } from "../session.js";
import { filterOf, printEach, subscribeOptions, type SubscribeOptions } from "./subscribe.js";
import { integer } from "../values.js";

/** Shell commands shared by commands and queries. */
export interface Requests<R extends IncomingRequest> {
  send(request: { channel: string; body: Uint8Array }, options: { signal: AbortSignal }): Promise<unknown>;
  subscribe(filter: SubscribeRequest, options: { signal: AbortSignal }): Subscription<R>;
}

export interface RespondOptions extends SubscribeOptions {
  readonly fail?: string;
}

export function respondOptions(command: Command, what: string, failing: string): Command {
  return subscribeOptions(command.option("--fail <reason>", failing), what);
}

/** Prints each request of a channel and answers it, or fails it if `--fail` is given. */
export function respondToEach<R extends IncomingRequest>(
  { output, signal }: Session,
  requests: Requests<R>,
  channel: string,
  options: RespondOptions,
  respond: (request: R) => Promise<void>,
): Promise<void> {
  const { fail } = options;
  return printEach(
    output,
    requests.subscribe(filterOf(channel, options), { signal }),
    options,
    (request) => [lineOf(request), recordOf(request)],
    (request) => (fail === undefined ? respond(request) : request.fail(fail)),
  );
}

export interface RequestBenchOptions extends BenchOptions {
  readonly concurrency: number;
}

export function requestBenchOptions(command: Command, what: string): Command {
  return benchOptions(command.summary("measure round trips to its own responder")).option(
    "--concurrency <n>",
    `how many ${what} are under way at once`,
    integer(1, 10_000),
    16,
  );
}

/** Measures round trips to a responder in this process. */
export async function benchRequests<R extends IncomingRequest>(
  session: Session,
  requests: Requests<R>,
  channel: string | undefined,
  options: RequestBenchOptions,
  respond: (request: R) => Promise<void>,
): Promise<void> {
  const { signal } = session;
  const name = channel ?? "kubemq-es.bench";
  await using subscription = requests.subscribe({ channel: name }, { signal });
  const responding = (async () => {
    for await (const request of subscription) await respond(request);
  })();
  await subscription.ready;
  await benchRoundTrips(session, options, (body) => requests.send({ channel: name, body }, { signal }));
  await subscription.close();
  await responding;
}
