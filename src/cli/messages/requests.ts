import type { Command } from "commander";
import type { SubscribeRequest, IncomingRequest, Subscription } from "../../index.js";
import { benchOptions, benchRoundTrips, type BenchOptions } from "./bench.js";
import { lineOf, recordOf } from "./record.js";
import type { Session } from "../session.js";
import { EXIT, Failure, messageOf } from "../exit.js";
import { report } from "../terminal/output.js";
import { runFor } from "./exec.js";
import { filterOf, printEach, subscribeOptions, type SubscribeOptions } from "./subscribe.js";
import { integer } from "../values.js";

/** Shell commands shared by commands and queries. */
export interface Requests<R extends IncomingRequest> {
  send(request: { channel: string; body: Uint8Array }, options: { signal: AbortSignal }): Promise<unknown>;
  subscribe(filter: SubscribeRequest, options: { signal: AbortSignal }): Subscription<R>;
}

export interface RespondOptions extends SubscribeOptions {
  readonly fail?: string;
  readonly exec?: string;
  readonly shell?: true;
}

export function respondOptions(command: Command, what: string, failing: string): Command {
  return subscribeOptions(
    command
      .option("--fail <reason>", failing)
      .option("--exec <command>", "run this program for each: the body is its input, its output is the answer")
      .option("--shell", "let sh run the command of --exec; without it, the words between spaces are its arguments"),
    what,
  );
}

/** Answers a request; `output` is that of the program of `--exec`, if there is one. */
export type Respond<R> = (request: R, output?: Uint8Array) => Promise<void>;

/** Prints each request of a channel and answers it, or fails it if `--fail` is given. */
export function respondToEach<R extends IncomingRequest>(
  session: Session,
  requests: Requests<R>,
  channel: string,
  options: RespondOptions,
  respond: Respond<R>,
): Promise<void> {
  const { fail, exec, shell = false } = options;
  if (exec !== undefined && fail !== undefined) throw new Failure("--exec and --fail exclude each other", EXIT.usage);
  if (exec === undefined && shell) throw new Failure("--shell is for the command of --exec", EXIT.usage);
  return printEach(
    session,
    requests.subscribe(filterOf(channel, options), { signal: session.signal }),
    options,
    (request) => [lineOf(request), recordOf(request)],
    async (request) => {
      if (fail !== undefined) return request.fail(fail);
      if (exec === undefined) return respond(request);
      try {
        await respond(request, await runFor(request, { command: exec, shell, env: session.terminal.env }));
      } catch (error) {
        report(session.terminal, `request ${request.id} on ${request.channel} failed: ${String(messageOf(error))}`);
        await request.fail(String(messageOf(error))).catch(() => {}); // the requester may not wait any more
      }
    },
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
