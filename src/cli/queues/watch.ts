import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, type Command } from "commander";
import { KubeMQError } from "../../index.js";
import { connectionOptions, withSession, type Session } from "../session.js";
import { report } from "../terminal/output.js";
import { redrawn } from "../terminal/screen.js";
import { integer } from "../values.js";
import { printerOf, type QueueView } from "./queue-view.js";
import { QueueRates } from "./rates.js";

interface WatchOptions {
  readonly interval: number;
  readonly count?: number;
}

export function addWatch(queues: Command): void {
  watchOptions(
    queues
      .command("watch [channels...]")
      .summary("show the depth, the rates and the consumers of queues, until Ctrl-C")
      .addHelpText(
        "after",
        `${EXPLANATION}
Examples:
  $ kubemq-es queues watch jobs jobs.failed
  $ kubemq-es queues watch jobs --jsonl --interval 10 >> depth.jsonl`,
      ),
  ).action(async (names: string[], options: WatchOptions, command: Command) =>
    withSession(command, (session) => watch(session, options, { names, order: "given" })),
  );
}

export function addTop(program: Command): void {
  watchOptions(
    program
      .command("top")
      .summary("show all queues, the busiest first, until Ctrl-C")
      .addHelpText("after", `${EXPLANATION}\nExamples:\n  $ kubemq-es top --interval 5`),
  ).action(async (options: WatchOptions, command: Command) =>
    withSession(command, (session) => watch(session, options, { names: [], order: "busiest" })),
  );
}

const EXPLANATION = `
IN/S counts stored messages, a rejected one again; OUT/S counts those that are done, moved or expired. The plot shows
WAITING. On a terminal the table is drawn again after each interval; a pipe gets a line for each queue and interval.
`;

function watchOptions(command: Command): Command {
  return connectionOptions(
    command
      .option("--interval <seconds>", "the time between two looks", seconds, 2)
      .option("-n, --count <n>", "end after this number of looks", integer(1)),
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0.1 && value <= 86_400) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 0.1 to 86400.");
}

async function watch(session: Session, { interval, count = Infinity }: WatchOptions, view: QueueView): Promise<void> {
  const { client, terminal, output, signal } = session;
  const server = await client.ping({ signal });
  const isDrawn = terminal.stdout.isTTY === true && !output.jsonl;
  using screen = isDrawn ? redrawn(terminal, output.rendering) : undefined;
  const print = printerOf(output, screen, { server, interval, ...view });
  const rates = new QueueRates();
  for (let looks = 0; looks < count && !signal.aborted; looks++) {
    // The server may be restarting: the next sample may succeed.
    try {
      const { queues } = await client.queues.info(undefined, { signal });
      await print(rates.next(queues, view.names, performance.now()));
    } catch (error) {
      if (signal.aborted) return;
      if (!KubeMQError.is(error) || !error.retryable) throw error;
      if (screen === undefined) report(terminal, error.message);
      else await print(undefined, error.message);
    }
    if (looks + 1 < count) await sleep(interval * 1_000, undefined, { signal }).catch(() => {});
  }
}
