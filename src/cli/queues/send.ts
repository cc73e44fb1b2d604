import type { Command } from "commander";
import type { OutgoingQueueMessage, QueuePolicy } from "../../index.js";
import { merged, messagesOfInput, numbered, type InputOptions, type SentRecord } from "../messages/sent-record.js";
import { connectionOptions, withSession } from "../session.js";
import { messageOptions, readBody, type MessageOptions } from "../terminal/input.js";
import { counted } from "../terminal/progress.js";
import { integer } from "../values.js";

interface SendOptions extends MessageOptions, InputOptions {
  readonly delay?: number;
  readonly expire?: number;
  readonly deadLetter?: string;
  readonly maxReceive: number;
}

export function addSend(queues: Command): void {
  connectionOptions(
    messageOptions(
      queues
        .command("send <channel> [body]")
        .summary("send a message; without a body, standard input is the body")
        .option("--lines", "every line of standard input is a message")
        .option("--delay <seconds>", "deliver it after this time", integer(1))
        .option("--expire <seconds>", "remove it when nobody receives it within this time", integer(1))
        .option("--dead-letter <channel>", "the queue for it after too many deliveries")
        .option("--max-receive <n>", "maximum number of deliveries before that", integer(1), 5),
    ).addHelpText(
      "after",
      `
Examples:
  $ kubemq-es queues send jobs 'resize picture 7'
  $ kubemq-es queues send jobs later --delay 60 --dead-letter jobs.failed --max-receive 3
  $ seq 1000 | kubemq-es queues send jobs --lines

With --jsonl and without a body, standard input has messages as the receiving commands print them:
  $ kubemq-es queues consume jobs --idle 2 --jsonl > jobs.jsonl
  $ kubemq-es queues send jobs --jsonl < jobs.jsonl`,
    ),
  ).action(async (channel: string, body: string | undefined, options: SendOptions, command: Command) =>
    withSession(command, async (session) => {
      const { client, output, signal } = session;
      const messages = messagesOfInput(session, body, options);
      if (messages !== undefined) {
        await using publisher = client.queues.publisher();
        const read = numbered(counted(session.terminal, "sent", messages));
        const sent = await publisher.sendAll(messagesOf(channel, options, read.messages)).catch((error: unknown) => {
          throw read.named(error);
        });
        await output.print(`sent ${sent} messages to ${channel}`, { channel, sent });
        signal.throwIfAborted();
        return;
      }
      const whole = { body: await readBody(session.terminal, body, options.metadata !== undefined) };
      const sent = await client.queues.send(messageOf(channel, options, whole), { signal });
      await output.print(`sent ${sent.id} to ${channel}`, { channel, ...sent });
    }),
  );
}

function messageOf(channel: string, options: SendOptions, record: SentRecord): OutgoingQueueMessage {
  return { ...merged(channel, options, record), policy: { ...record.policy, ...policyOf(options) } };
}

function policyOf({ delay, expire, deadLetter, maxReceive }: SendOptions): QueuePolicy {
  return {
    ...(delay !== undefined && { delaySeconds: delay }),
    ...(expire !== undefined && { expirationSeconds: expire }),
    ...(deadLetter !== undefined && { deadLetter: { queue: deadLetter, maxReceiveCount: maxReceive } }),
  };
}

async function* messagesOf(channel: string, options: SendOptions, records: AsyncIterable<SentRecord>) {
  for await (const record of records) yield messageOf(channel, options, record);
}
