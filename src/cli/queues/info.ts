import type { Command } from "commander";
import type { QueueDetails } from "../../index.js";
import { Failure } from "../exit.js";
import { connectionOptions, withSession } from "../session.js";
import { styled } from "../terminal/line.js";
import type { Column } from "../terminal/table.js";

const COLUMNS: readonly Column<QueueDetails>[] = [
  { title: "QUEUE", cell: ({ name }) => styled("bold", name) },
  { title: "WAITING", align: "right", cell: ({ waiting }) => String(waiting) },
  { title: "CONSUMERS", align: "right", cell: ({ subscribers }) => String(subscribers) },
  { title: "STORED", align: "right", cell: ({ messages }) => String(messages) },
  { title: "BYTES", align: "right", cell: ({ bytes }) => String(bytes) },
];

export function addInfo(queues: Command): void {
  connectionOptions(
    queues
      .command("info [channel]")
      .summary("show the number of waiting messages in one queue or in all")
      .addHelpText(
        "after",
        `
STORED counts the messages that the server retains, consumed ones included.

Examples:
  $ kubemq-es queues info
  $ kubemq-es queues info jobs --jsonl | jq .waiting`,
      ),
  ).action(async (channel: string | undefined, _flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const { queues } = await client.queues.info(channel, { signal });
      if (channel !== undefined && queues.length === 0) throw new Failure(unknown(channel));
      await output.table(COLUMNS, queues);
    }),
  );
}

/** Open-source servers cut these letters from both ends of the names that they list. */
const TRIMMED = /^[_QUES.]|[_QUES.]$/;

/** Why the server lists no queue of this name. */
function unknown(channel: string): string {
  const trimmed = TRIMMED.test(channel)
    ? "; an open-source server lists a name without the letters Q, U, E, S, _ and . at its ends: see `kubemq-es queues info`"
    : "; a queue exists from its first message on, and `kubemq-es queues info` lists all";
  return `the server has no queue ${channel}${trimmed}`;
}
