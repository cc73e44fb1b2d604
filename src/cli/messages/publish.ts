import type { Command } from "commander";
import type { EventPublisher } from "../../index.js";
import { connectionOptions, withSession, type Session } from "../session.js";
import { messageOptions, readBody, type MessageOptions } from "../terminal/input.js";
import { counted } from "../terminal/progress.js";
import { merged, messagesOfInput, numbered, type InputOptions, type SentRecord } from "./sent-record.js";

interface PublishOptions extends MessageOptions, InputOptions {}

/** Publishes events or stored events. */
export interface Publishing {
  readonly what: string;
  readonly examples: string;
  readonly publish: (session: Session, message: { channel: string; body: string | Uint8Array }) => Promise<unknown>;
  readonly publisher: (session: Session) => EventPublisher<unknown>;
}

export function addPublish(group: Command, { what, examples, publish, publisher: publisherOf }: Publishing): void {
  connectionOptions(
    messageOptions(
      group
        .command("publish <channel> [body]")
        .summary(`publish an ${what}; without a body, standard input is one, or several with --jsonl`)
        .option("--lines", `every line of standard input is an ${what}`),
    ).addHelpText("after", examples),
  ).action(async (channel: string, body: string | undefined, options: PublishOptions, command: Command) =>
    withSession(command, async (session) => {
      const records = messagesOfInput(session, body, options);
      let published = 1;
      if (records === undefined) {
        const whole = { body: await readBody(session.terminal, body, options.metadata !== undefined) };
        await publish(session, merged(channel, options, whole));
      } else {
        await using publisher = publisherOf(session);
        const read = numbered(counted(session.terminal, "published", records));
        const publishing = publisher.publishAll(messagesOf(channel, options, read.messages));
        published = await publishing.catch((error: unknown) => {
          throw read.named(error);
        });
      }
      await session.output.print(
        `published ${published === 1 ? `an ${what}` : `${published} ${what}s`} on ${channel}`,
        { channel, published },
      );
      session.signal.throwIfAborted();
    }),
  );
}

async function* messagesOf(channel: string, options: PublishOptions, records: AsyncIterable<SentRecord>) {
  for await (const record of records) yield merged(channel, options, record);
}
