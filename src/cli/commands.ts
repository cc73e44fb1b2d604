import type { Command } from "commander";
import { benchOptions, benchRoundTrips, type BenchOptions } from "./bench.js";
import { EXIT, Failure } from "./exit.js";
import { envelope, messageOptions, readBody, type MessageOptions } from "./input.js";
import { lineOf, recordOf } from "./output.js";
import { connectionOptions, withSession } from "./session.js";
import { integer } from "./values.js";

interface RespondOptions {
  readonly group?: string;
  readonly count?: number;
  readonly fail?: string;
}

export function addCommands(program: Command): void {
  const commands = program
    .command("commands")
    .summary("ask somebody to do something, and hear whether it was done")
    .description("A command goes to one responder, which says that it was executed or why not.");

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
    withSession(command, async ({ client, output, signal }) => {
      const message = { ...envelope(channel, options), body: await readBody(body, options.metadata !== undefined) };
      const result = await client.commands.send(message, { signal });
      await output.print(result.executed ? "executed" : `not executed: ${result.error}`, { channel, ...result });
      if (!result.executed) throw new Failure(`the command on ${channel} was not executed`, EXIT.failed);
    }),
  );

  connectionOptions(
    commands
      .command("respond <channel>")
      .alias("subscribe")
      .summary("print commands and answer each that it was executed, until Ctrl-C")
      .option("--fail <reason>", "answer that it was not executed, and why")
      .option("--group <name>", "share the commands with the other members of this group")
      .option("-n, --count <n>", "end after so many", integer(1))
      .addHelpText(
        "after",
        `
Examples:
  $ kubemq-es commands respond door
  $ kubemq-es commands respond door --fail 'the key is lost'`,
      ),
  ).action(async (channel: string, { group, count = Infinity, fail }: RespondOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      let answered = 0;
      for await (const request of client.commands.subscribe(
        { channel, ...(group !== undefined && { group }) },
        { signal },
      )) {
        await output.print(lineOf(request), recordOf(request));
        await (fail === undefined ? request.respond() : request.fail(fail));
        if ((answered += 1) >= count) break;
      }
    }),
  );

  connectionOptions(
    benchOptions(commands.command("bench [channel]").summary("measure round trips to a responder of its own")).option(
      "--concurrency <n>",
      "how many commands are under way at once",
      integer(1, 10_000),
      16,
    ),
  ).action(async (channel: string | undefined, options: BenchOptions & { concurrency: number }, command: Command) =>
    withSession(command, async (session) => {
      const { client, signal } = session;
      const name = channel ?? "kubemq-es.bench";
      await using requests = client.commands.subscribe({ channel: name }, { signal });
      const responding = (async () => {
        for await (const request of requests) await request.respond();
      })();
      await requests.ready;
      await benchRoundTrips(session, options, (body) => client.commands.send({ channel: name, body }, { signal }));
      await requests.close();
      await responding;
    }),
  );
}
