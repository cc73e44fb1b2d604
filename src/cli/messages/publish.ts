import type { Command } from "commander";
import type { EventPublisher } from "../../index.js";
import { envelope, messageOptions, readBody, readLines, type MessageOptions } from "../terminal/input.js";
import { startProgress } from "../terminal/progress.js";
import { connectionOptions, withSession, type Session } from "../session.js";

interface PublishOptions extends MessageOptions {
  readonly lines?: true;
}

/** Publishing, for events and stored events alike. */
export interface Publishing {
  readonly what: string;
  readonly examples: string;
  readonly publish: (session: Session, message: { channel: string; body: string | Uint8Array }) => Promise<unknown>;
  readonly publisher: (session: Session) => EventPublisher<unknown>;
}

export function addPublish(group: Command, { what, examples, publish, publisher }: Publishing): void {
  connectionOptions(
    messageOptions(
      group
        .command("publish <channel> [body]")
        .summary(`publish an ${what}; without a body, standard input is one`)
        .option("--lines", `every line of standard input is an ${what}`),
    ).addHelpText("after", examples),
  ).action(async (channel: string, body: string | undefined, options: PublishOptions, command: Command) =>
    withSession(command, async (session) => {
      const message = envelope(channel, options);
      let published = 1;
      if (options.lines) published = await publishLines(session, publisher(session), message);
      else
        await publish(session, {
          ...message,
          body: await readBody(session.terminal, body, options.metadata !== undefined),
        });
      await session.output.print(
        `published ${published === 1 ? `an ${what}` : `${published} ${what}s`} on ${channel}`,
        {
          channel,
          published,
        },
      );
      session.signal.throwIfAborted();
    }),
  );
}

async function publishLines(
  { signal, terminal }: Session,
  publisher: EventPublisher<unknown>,
  message: { channel: string },
): Promise<number> {
  const progress = startProgress(terminal, "published");
  let published = 0;
  try {
    return await publisher.publishAll(
      (async function* () {
        for await (const body of readLines(terminal, signal)) {
          yield { ...message, body };
          progress.set((published += 1));
        }
      })(),
    );
  } finally {
    progress.end();
    await publisher.close();
  }
}
