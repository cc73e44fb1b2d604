import { Argument, type Command } from "commander";
import type { ChannelInfo, ChannelKind } from "../../index.js";
import { connectionOptions, withSession } from "../session.js";
import { styled } from "../terminal/line.js";
import type { Column } from "../terminal/table.js";

const KINDS: Readonly<Record<string, ChannelKind>> = {
  events: "events",
  "events-store": "eventsStore",
  commands: "commands",
  queries: "queries",
  queues: "queues",
};

const kindArgument = () => new Argument("<kind>", "which pattern").choices(Object.keys(KINDS));
const kindOf = (name: string): ChannelKind => KINDS[name] ?? "events";

const COLUMNS: readonly Column<ChannelInfo>[] = [
  { title: "CHANNEL", cell: ({ name }) => styled("bold", name) },
  { title: "STATE", cell: ({ active }) => (active ? styled("green", "active") : styled("dim", "idle")) },
  {
    title: "LAST ACTIVITY",
    cell: ({ lastActivity }) => (lastActivity.getTime() <= 0 ? "never" : lastActivity.toISOString()),
  },
  { title: "IN", align: "right", cell: ({ incoming }) => String(incoming.messages) },
  { title: "OUT", align: "right", cell: ({ outgoing }) => String(outgoing.messages) },
  { title: "WAITING", align: "right", cell: ({ outgoing }) => String(outgoing.waiting) },
];

export function addChannels(program: Command): void {
  const channels = program
    .command("channels")
    .summary("list, create and delete channels")
    .description("Channels are also created by their first use. Servers without channel management do not answer.");

  connectionOptions(
    channels
      .command("list")
      .addArgument(kindArgument())
      .argument("[search]", "only names that contain this")
      .summary("list the channels of one pattern with their counts")
      .addHelpText(
        "after",
        "\nExamples:\n  $ kubemq-es channels list queues\n  $ kubemq-es channels list events orders --jsonl",
      ),
  ).action(async (kind: string, search: string | undefined, _flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      await output.table(COLUMNS, await client.channels.list(kindOf(kind), search, { signal }));
    }),
  );

  for (const verb of ["create", "delete"] as const) {
    connectionOptions(
      channels
        .command(verb)
        .addArgument(kindArgument())
        .argument("<name>", "the channel")
        .summary(verb === "create" ? "create a channel" : "delete a channel and its content")
        .addHelpText("after", `\nExamples:\n  $ kubemq-es channels ${verb} queues jobs`),
    ).action(async (kind: string, name: string, _flags: object, command: Command) =>
      withSession(command, async ({ client, output, signal }) => {
        await client.channels[verb](kindOf(kind), name, { signal });
        await output.print(`${verb}d ${name}`, { kind: kindOf(kind), channel: name, [`${verb}d`]: true });
      }),
    );
  }
}
