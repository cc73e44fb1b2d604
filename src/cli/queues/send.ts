import type { Command } from "commander";
import type { QueuePolicy } from "../../index.js";
import { Failure } from "../exit.js";
import { connectionOptions, withSession, type Session } from "../session.js";
import { envelope, messageOptions, readBody, readLines, type MessageOptions } from "../terminal/input.js";
import { startProgress } from "../terminal/progress.js";
import { integer } from "../values.js";

interface SendOptions extends MessageOptions {
  readonly lines?: true;
  readonly delay?: number;
  readonly expire?: number;
  readonly deadLetter?: string;
  readonly maxReceive: number;
}

/** How many lines go to the server in one request. */
const LINES_A_BATCH = 500;

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
  $ seq 1000 | kubemq-es queues send jobs --lines`,
    ),
  ).action(async (channel: string, body: string | undefined, options: SendOptions, command: Command) =>
    withSession(command, async (session) => {
      const { client, output, signal } = session;
      const message = { ...envelope(channel, options), policy: policyOf(options) };
      if (options.lines) {
        const sent = await sendLines(session, message);
        await output.print(`sent ${sent} messages to ${channel}`, { channel, sent });
        signal.throwIfAborted();
        return;
      }
      const sent = await client.queues.send(
        { ...message, body: await readBody(session.terminal, body, options.metadata !== undefined) },
        { signal },
      );
      await output.print(`sent ${sent.id} to ${channel}`, { channel, ...sent });
    }),
  );
}

function policyOf({ delay, expire, deadLetter, maxReceive }: SendOptions): QueuePolicy {
  return {
    ...(delay !== undefined && { delaySeconds: delay }),
    ...(expire !== undefined && { expirationSeconds: expire }),
    ...(deadLetter !== undefined && { deadLetter: { queue: deadLetter, maxReceiveCount: maxReceive } }),
  };
}

async function sendLines(
  { client, signal, terminal }: Session,
  message: { channel: string; policy: QueuePolicy },
): Promise<number> {
  const progress = startProgress(terminal, "sent");
  await using publisher = client.queues.publisher();
  let sent = 0;
  const send = async (bodies: string[]) => {
    for (const result of await publisher.send(bodies.map((body) => ({ ...message, body })))) {
      if (!result.ok) throw new Failure(`after ${sent} messages: ${result.error.message}`);
      progress.set((sent += 1));
    }
  };
  try {
    let batch: string[] = [];
    for await (const line of readLines(terminal, signal)) {
      batch.push(line);
      if (batch.length < LINES_A_BATCH) continue;
      await send(batch);
      batch = [];
    }
    if (batch.length > 0) await send(batch);
    return sent;
  } finally {
    progress.end();
  }
}
