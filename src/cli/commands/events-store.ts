import { InvalidArgumentError, Option, type Command } from "commander";
import type { StartPosition, StoredEvent } from "../../index.js";
import { benchOptions, benchStream, type BenchOptions } from "../messages/bench.js";
import { lineOf, recordOf } from "../messages/record.js";
import { EXIT, Failure } from "../exit.js";
import type { Line } from "../terminal/line.js";
import { addPublish } from "../messages/publish.js";
import { connectionOptions, withSession } from "../session.js";
import { countOption, filterOf, printEach, subscribeOptions, type SubscribeOptions } from "../messages/subscribe.js";

interface StoreOptions extends SubscribeOptions {
  readonly from: StartPosition;
}

export function addEventsStore(program: Command): void {
  const store = program
    .command("events-store")
    .summary("stored events, which can be read again")
    .description("Stored events have a sequence on their channel, and can be read from any position.");

  addPublish(store, {
    what: "event",
    examples: `
Examples:
  $ kubemq-es events-store publish orders '{"item":"book"}' --tag country=FR
  $ kubemq-es events-store publish readings --lines < readings.csv`,
    publish: ({ client, signal }, message) => client.eventsStore.publish(message, { signal }),
    publisher: ({ client }) => client.eventsStore.publisher(),
  });

  connectionOptions(
    subscribeOptions(
      store
        .command("subscribe <channel>")
        .summary("print stored events, then new ones, until Ctrl-C")
        .addOption(fromOption("new").default({ from: "new" } satisfies StartPosition, "new")),
      "events",
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es events-store subscribe orders --from first --count 10
  $ kubemq-es events-store subscribe orders --from 42 --jsonl
  $ kubemq-es events-store subscribe orders --from 15m`,
    ),
  ).action(async (channel: string, options: StoreOptions, command: Command) =>
    withSession(command, (session) => {
      const { client, signal } = session;
      const filter = { ...filterOf(channel, options), start: options.from };
      return printEach(session, client.eventsStore.subscribe(filter, { signal }), options, printed);
    }),
  );

  connectionOptions(
    countOption(
      store
        .command("replay <channel>")
        .summary("print the events that are stored now, then end")
        .addOption(fromOption("first").default({ from: "first" } satisfies StartPosition, "first")),
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es events-store replay orders --from 15m
  $ kubemq-es events-store replay orders --jsonl > orders.jsonl
  $ kubemq-es events-store publish orders --jsonl < orders.jsonl`,
    ),
  ).action(async (channel: string, { from: start, ...options }: StoreOptions, command: Command) =>
    withSession(command, async (session) => {
      const { client, signal } = session;
      if (start.from === "new") throw new Failure("--from new has nothing to replay: use `subscribe`", EXIT.usage);
      await printEach(session, client.eventsStore.replay({ channel, start }, { signal }), options, printed);
    }),
  );

  connectionOptions(
    benchOptions(store.command("bench [channel]").summary("measure how many events per second the server stores")),
  ).action(async (channel: string | undefined, options: BenchOptions, command: Command) =>
    withSession(command, async (session) => {
      const { client, signal } = session;
      const name = channel ?? "kubemq-es.bench";
      await using publisher = client.eventsStore.publisher();
      await benchStream(session, options, {
        channel: name,
        subscription: client.eventsStore.subscribe({ channel: name, start: { from: "new" } }, { signal }),
        send: (messages) => publisher.publishAll(messages, { signal }),
      });
    }),
  );
}

function printed(event: StoredEvent): [Line, object] {
  const { sequence, timestamp } = event;
  return [lineOf(event, `#${sequence}`, timestamp.toISOString()), recordOf(event, { sequence, timestamp })];
}

function fromOption(first: "new" | "first"): Option {
  return new Option(
    "--from <position>",
    `${first === "new" ? "new, " : ""}first, last, a sequence, a time (2026-01-31T12:00:00Z), or a time ago (90s, 15m, 2h)`,
  ).argParser(position);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function position(text: string): StartPosition {
  if (text === "new" || text === "first" || text === "last") return { from: text };
  if (/^\d+$/.test(text)) return { from: "sequence", sequence: BigInt(text) };
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (unit !== undefined) return { from: "timeDelta", seconds: Number(count) * (SECONDS[unit] ?? 1) };
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return { from: "time", time };
  throw new InvalidArgumentError("It must be new, first, last, a sequence, a time, or a time ago such as 90s.");
}
