import type { Command } from "commander";
import { connectionOptions, withSession } from "../session.js";

export function addAckAll(queues: Command): void {
  connectionOptions(
    queues
      .command("ack-all <channel>")
      .summary("remove all waiting messages")
      .addHelpText("after", "\nExamples:\n  $ kubemq-es queues ack-all jobs"),
  ).action(async (channel: string, _flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const dropped = await client.queues.ackAll({ channel }, { signal });
      await output.print(`dropped ${dropped} messages of ${channel}`, { channel, dropped });
    }),
  );
}
