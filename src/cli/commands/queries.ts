import type { Command } from "commander";
import type { IncomingQuery } from "../../index.js";
import { Failure } from "../exit.js";
import { envelope, messageOptions, readBody, type MessageOptions } from "../terminal/input.js";
import { lineOf, recordOf } from "../messages/record.js";
import { formatted } from "../messages/template.js";
import {
  benchRequests,
  requestBenchOptions,
  respondOptions,
  respondToEach,
  type RequestBenchOptions,
  type RespondOptions,
} from "../messages/requests.js";
import { connectionOptions, withSession } from "../session.js";
import { integer } from "../values.js";

interface SendOptions extends MessageOptions {
  readonly cacheKey?: string;
  readonly cacheSeconds: number;
}

export function addQueries(program: Command): void {
  const queries = program
    .command("queries")
    .summary("send queries and receive answers")
    .description("A query goes to one responder, which answers with a body. The server can cache the answer.");

  connectionOptions(
    messageOptions(
      queries
        .command("send <channel> [body]")
        .summary("send a query and print the answer; exits 1 when it was refused, 4 when nobody answered")
        .addOption(formatted())
        .option("--cache-key <key>", "let the server cache the answer under this key")
        .option("--cache-seconds <n>", "for how long", integer(1, 2_147_483), 60),
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es queries send price book
  $ kubemq-es queries send price book --cache-key book --cache-seconds 300 --jsonl`,
    ),
  ).action(async (channel: string, body: string | undefined, options: SendOptions, command: Command) =>
    withSession(command, async ({ client, output, signal, terminal }) => {
      const { cacheKey: key, cacheSeconds: ttlSeconds } = options;
      const query = {
        ...envelope(channel, options),
        body: await readBody(terminal, body, options.metadata !== undefined),
        ...(key !== undefined && { cache: { key, ttlSeconds } }),
      };
      const answer = await client.queries.send(query, { signal });
      if (!answer.ok) throw new Failure(`the query on ${channel} was refused: ${answer.error}`);
      const { cacheHit, timestamp } = answer;
      await output.message(lineOf(answer, ...(cacheHit ? ["cached"] : [])), recordOf(answer, { cacheHit, timestamp }));
    }),
  );

  connectionOptions(
    respondOptions(
      queries
        .command("respond <channel> [body]")
        .summary("print queries and answer each with this body, or its own, until Ctrl-C"),
      "queries",
      "refuse, with this reason",
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es queries respond price 12.50
  $ kubemq-es queries respond echo
  $ kubemq-es queries respond thumbnail --exec 'convert - -resize 200 png:-'
  $ kubemq-es queries respond price --fail 'out of print'`,
    ),
  ).action(async (channel: string, body: string | undefined, options: RespondOptions, command: Command) =>
    withSession(command, (session) =>
      respondToEach(session, session.client.queries, channel, options, (query: IncomingQuery, output) =>
        query.respond({ body: output ?? body ?? query.body }),
      ),
    ),
  );

  connectionOptions(requestBenchOptions(queries.command("bench [channel]"), "queries")).action(
    async (channel: string | undefined, options: RequestBenchOptions, command: Command) =>
      withSession(command, (session) =>
        benchRequests(session, session.client.queries, channel, options, (query: IncomingQuery) =>
          query.respond({ body: query.body }),
        ),
      ),
  );
}
