import type { Command } from "commander";
import { benchOptions, benchStream, type BenchOptions } from "../messages/bench.js";
import { lineOf, recordOf } from "../messages/record.js";
import { addPublish } from "../messages/publish.js";
import { connectionOptions, withSession } from "../session.js";
import { filterOf, printEach, subscribeOptions, type SubscribeOptions } from "../messages/subscribe.js";

export function addEvents(program: Command): void {
  const events = program
    .command("events")
    .summary("publish/subscribe, at most once")
    .description("Events reach the current subscribers. They are not stored.");

  addPublish(events, {
    what: "event",
    examples: `
Examples:
  $ kubemq-es events publish orders.eu 'one book' --tag country=FR
  $ kubemq-es events publish images < picture.png
  $ tail -f access.log | kubemq-es events publish logs --lines`,
    publish: ({ client, signal }, message) => client.events.publish(message, { signal }),
    publisher: ({ client }) => client.events.publisher(),
  });

  connectionOptions(
    subscribeOptions(events.command("subscribe <channel>").summary("print events until Ctrl-C"), "events").addHelpText(
      "after",
      `
A channel may have wildcards: * is one part between dots, > at the end is all the rest. Quote them from the shell.

Examples:
  $ kubemq-es events subscribe 'orders.*'
  $ kubemq-es events subscribe '>' --jsonl | jq -r .body
  $ kubemq-es events subscribe jobs --group workers --count 10`,
    ),
  ).action(async (channel: string, options: SubscribeOptions, command: Command) =>
    withSession(command, (session) =>
      printEach(
        session,
        session.client.events.subscribe(filterOf(channel, options), { signal: session.signal }),
        options,
        (event) => {
          const { receivedAt } = event;
          return [lineOf(event, receivedAt.toISOString()), recordOf(event, { receivedAt })];
        },
      ),
    ),
  );

  connectionOptions(
    benchOptions(events.command("bench [channel]").summary("measure how many events per second the server delivers")),
  ).action(async (channel: string | undefined, options: BenchOptions, command: Command) =>
    withSession(command, async (session) => {
      const name = channel ?? "kubemq-es.bench";
      await using publisher = session.client.events.publisher();
      await benchStream(session, options, {
        channel: name,
        subscription: session.client.events.subscribe({ channel: name }, { signal: session.signal }),
        send: (messages) => publisher.publishAll(messages, { signal: session.signal }),
      });
    }),
  );
}
