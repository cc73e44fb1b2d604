import type { Command } from "commander";
import type { IncomingCommand } from "../../index.js";
import { EXIT, Failure } from "../exit.js";
import { envelope, messageOptions, readBody, type MessageOptions } from "../terminal/input.js";
import {
  benchRequests,
  requestBenchOptions,
  respondOptions,
  respondToEach,
  type RequestBenchOptions,
  type RespondOptions,
} from "../messages/requests.js";
import { connectionOptions, withSession } from "../session.js";

export function addCommands(program: Command): void {
  const commands = program
    .command("commands")
    .summary("send commands and receive their outcome")
    .description("A command goes to one responder, which reports whether it was executed.");

  connectionOptions(
    messageOptions(
      commands
        .command("send <channel> [body]")
        .summary("send a command; exits 1 when it was not executed, 4 when nobody answered"),
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es commands send door open
  $ kubemq-es commands send door open --timeout 2000 && echo it is open`,
    ),
  ).action(async (channel: string, body: string | undefined, options: MessageOptions, command: Command) =>
    withSession(command, async ({ client, output, signal, terminal }) => {
      const message = {
        ...envelope(channel, options),
        body: await readBody(terminal, body, options.metadata !== undefined),
      };
      const result = await client.commands.send(message, { signal });
      await output.print(result.ok ? "executed" : `not executed: ${result.error}`, { channel, ...result });
      if (!result.ok) throw new Failure(`the command on ${channel} was not executed`, EXIT.failed);
    }),
  );

  connectionOptions(
    respondOptions(
      commands.command("respond <channel>").summary("print commands and answer each as executed, until Ctrl-C"),
      "commands",
      "answer that it was not executed, with this reason",
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es commands respond door
  $ kubemq-es commands respond door --exec ./open-door.sh
  $ kubemq-es commands respond door --shell --exec 'echo "$KUBEMQ_TAG_by opens it" >> log'
  $ kubemq-es commands respond door --fail 'the key is lost'`,
    ),
  ).action(async (channel: string, options: RespondOptions, command: Command) =>
    withSession(command, (session) => respondToEach(session, session.client.commands, channel, options, respond)),
  );

  connectionOptions(requestBenchOptions(commands.command("bench [channel]"), "commands")).action(
    async (channel: string | undefined, options: RequestBenchOptions, command: Command) =>
      withSession(command, (session) => benchRequests(session, session.client.commands, channel, options, respond)),
  );
}

const respond = (command: IncomingCommand) => command.respond();
