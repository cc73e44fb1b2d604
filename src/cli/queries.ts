import type { Command } from "commander";
import { benchOptions, benchRoundTrips, type BenchOptions } from "./bench.js";
import { Failure } from "./exit.js";
import { envelope, messageOptions, readBody, type MessageOptions } from "./input.js";
import { lineOf, recordOf } from "./output.js";
import { connectionOptions, withSession } from "./session.js";
import { integer } from "./values.js";

interface SendOptions extends MessageOptions {
  readonly cacheKey?: string;
  readonly cacheSeconds: number;
}

interface RespondOptions {
  readonly group?: string;
  readonly count?: number;
  readonly fail?: string;
}

export function addQueries(program: Command): void {
  const queries = program
    .command("queries")
    .summary("ask somebody a question, and get the answer")
    .description("A query goes to one responder, which answers with a body. The server can cache answers.");

  connectionOptions(
    messageOptions(
      queries
        .command("send <channel> [body]")
        .summary("send a query and print the answer; exits 1 when it was refused, 4 when nobody answered")
        .option("--cache-key <key>", "let the server keep the answer under this key, and answer from it")
        .option("--cache-seconds <n>", "for how long", integer(1, 2_147_483), 60),
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es queries send price book
  $ kubemq-es queries send price book --cache-key book --cache-seconds 300 --json`,
    ),
  ).action(async (channel: string, body: string | undefined, options: SendOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const { cacheKey: key, cacheSeconds: ttlSeconds } = options;
      const query = {
        ...envelope(channel, options),
        body: await readBody(body, options.metadata !== undefined),
        ...(key !== undefined && { cache: { key, ttlSeconds } }),
      };
      const answer = await client.queries.send(query, { signal });
      if (!answer.executed) throw new Failure(`the query on ${channel} was refused: ${answer.error}`);
      const { cacheHit, timestamp } = answer;
      await output.print(lineOf(answer, ...(cacheHit ? ["cached"] : [])), recordOf(answer, { cacheHit, timestamp }));
    }),
  );

  connectionOptions(
    queries
      .command("respond <channel> [body]")
      .alias("subscribe")
      .summary("print queries and answer each, with the body or else with its own, until Ctrl-C")
      .option("--fail <reason>", "refuse, and say why")
      .option("--group <name>", "share the queries with the other members of this group")
      .option("-n, --count <n>", "end after so many", integer(1))
      .addHelpText(
        "after",
        `
Examples:
  $ kubemq-es queries respond price 12.50
  $ kubemq-es queries respond echo
  $ kubemq-es queries respond price --fail 'out of print'`,
      ),
  ).action(async (channel: string, body: string | undefined, options: RespondOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const { group, count = Infinity, fail } = options;
      let answered = 0;
      for await (const query of client.queries.subscribe(
        { channel, ...(group !== undefined && { group }) },
        { signal },
      )) {
        await output.print(lineOf(query), recordOf(query));
        await (fail === undefined ? query.respond({ body: body ?? query.body }) : query.fail(fail));
        if ((answered += 1) >= count) break;
      }
    }),
  );

  connectionOptions(
    benchOptions(queries.command("bench [channel]").summary("measure round trips to a responder of its own")).option(
      "--concurrency <n>",
      "how many queries are under way at once",
      integer(1, 10_000),
      16,
    ),
  ).action(async (channel: string | undefined, options: BenchOptions & { concurrency: number }, command: Command) =>
    withSession(command, async (session) => {
      const { client, signal } = session;
      const name = channel ?? "kubemq-es.bench";
      await using requests = client.queries.subscribe({ channel: name }, { signal });
      const responding = (async () => {
        for await (const query of requests) await query.respond({ body: query.body });
      })();
      await requests.ready;
      await benchRoundTrips(session, options, (body) => client.queries.send({ channel: name, body }, { signal }));
      await requests.close();
      await responding;
    }),
  );
}
