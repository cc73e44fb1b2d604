import type { Command } from "commander";
import { formatOption } from "../messages/template.js";
import { connectionOptions, withSession } from "../session.js";
import { integer } from "../values.js";
import { printed } from "./printed.js";

interface ReadOptions {
  readonly max: number;
  readonly wait: number;
}

export function addRead(queues: Command, verb: "receive" | "peek", summary: string): void {
  connectionOptions(
    formatOption(queues.command(`${verb} <channel>`).summary(summary))
      .option("-n, --max <n>", "maximum number of messages", integer(1, 1024), 10)
      .option("--wait <seconds>", "how long to wait for the first message", integer(1, 3600), 1)
      .addHelpText("after", `\nExamples:\n  $ kubemq-es queues ${verb} jobs --max 100 --jsonl`),
  ).action(async (channel: string, { max, wait }: ReadOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const messages = await client.queues[verb]({ channel, max, waitSeconds: wait }, { signal });
      for (const message of messages) await output.message(...printed(message));
    }),
  );
}
