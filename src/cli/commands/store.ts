import { InvalidArgumentError, type Command } from "commander";
import type { StartPosition } from "../../index.js";
import { benchOptions, benchStream, type BenchOptions } from "../bench.js";
import { lineOf, recordOf } from "../output.js";
import { addPublish } from "./publish.js";
import { connectionOptions, withSession } from "../session.js";
import { filterOf, printEach, subscribeOptions, type SubscribeOptions } from "./subscribe.js";

interface StoreOptions extends SubscribeOptions {
  readonly from: StartPosition;
}

export function addStore(program: Command): void {
  const store = program
    .command("store")
    .summary("stored events, which can be read again")
    .description("Stored events have a sequence on their channel, and can be read from any position.");

  addPublish(store, {
    what: "event",
    examples: `
Examples:
  $ kubemq-es store publish orders '{"item":"book"}' --tag country=FR
  $ kubemq-es store publish readings --lines < readings.csv`,
    publish: ({ client, signal }, message) => client.eventsStore.publish(message, { signal }),
    publisher: ({ client }) => client.eventsStore.publisher(),
  });

  connectionOptions(
    subscribeOptions(
      store
        .command("subscribe <channel>")
        .summary("print stored events, then new ones, until Ctrl-C")
        .option(
          "--from <position>",
          "new, first, last, a sequence, a time (2026-01-31T12:00:00Z), or a time ago (90s, 15m, 2h)",
          position,
          { from: "new" } satisfies StartPosition,
        ),
      "events",
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es store subscribe orders --from first --count 10
  $ kubemq-es store subscribe orders --from 42 --json
  $ kubemq-es store subscribe orders --from 15m`,
    ),
  ).action(async (channel: string, options: StoreOptions, command: Command) =>
    withSession(command, ({ client, output, signal }) => {
      const filter = { ...filterOf(channel, options), start: options.from };
      return printEach(output, client.eventsStore.subscribe(filter, { signal }), options, (event) => {
        const { sequence, timestamp } = event;
        return [lineOf(event, `#${sequence}`, timestamp.toISOString()), recordOf(event, { sequence, timestamp })];
      });
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
