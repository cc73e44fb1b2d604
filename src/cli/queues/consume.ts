import { InvalidArgumentError, Option, type Command } from "commander";
import { countOption } from "../messages/subscribe.js";
import { connectionOptions, withSession } from "../session.js";
import { progressOf } from "../terminal/progress.js";
import { integer } from "../values.js";
import { printed } from "./printed.js";

interface ConsumeOptions {
  readonly count?: number;
  readonly prefetch: number;
  readonly settle: Settle;
  readonly idle?: number;
}

type Settle = { readonly as: "ack" | "reject" } | { readonly as: "requeue"; readonly channel: string };

export function addConsume(queues: Command): void {
  connectionOptions(
    countOption(queues.command("consume <channel>"))
      .summary("print messages and settle each, until Ctrl-C")
      .addOption(
        new Option("--settle <how>", "ack, reject, or requeue:CHANNEL")
          .argParser(settle)
          .default({ as: "ack" } satisfies Settle, "ack"),
      )
      .option("--idle <seconds>", "end after this time without a message", integer(1))
      .option("--prefetch <n>", "maximum number of unsettled messages", integer(1, 1024), 1)
      .addHelpText(
        "after",
        `
A message is settled after it was printed: what a broken pipe did not take stays in the queue.

Examples:
  $ kubemq-es queues consume jobs
  $ kubemq-es queues consume jobs --idle 5 --jsonl > jobs.jsonl
  $ kubemq-es queues consume jobs.failed --settle requeue:jobs --idle 2`,
      ),
  ).action(async (channel: string, options: ConsumeOptions, command: Command) =>
    withSession(command, async ({ client, output, signal, terminal }) => {
      const { count = Infinity, prefetch, settle, idle } = options;
      let received = 0;
      const deliveries = client.queues.consume({ channel, prefetch }, { signal });
      const quiet = () => (idle === undefined ? undefined : setTimeout(() => void deliveries.close(), idle * 1000));
      let timer = quiet();
      try {
        for await (const delivery of progressOf(terminal, deliveries)) {
          clearTimeout(timer);
          await output.message(...printed(delivery));
          await (settle.as === "requeue" ? delivery.requeue(settle.channel) : delivery[settle.as]());
          if ((received += 1) >= count) break;
          timer = quiet();
        }
      } finally {
        clearTimeout(timer);
      }
    }),
  );
}

function settle(text: string): Settle {
  if (text === "ack" || text === "reject") return { as: text };
  if (/^requeue:./.test(text)) return { as: "requeue", channel: text.slice("requeue:".length) };
  throw new InvalidArgumentError("It must be ack, reject, or requeue:CHANNEL.");
}
