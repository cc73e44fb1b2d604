import { InvalidArgumentError, Option, type Command } from "commander";
import type { QueueMessage, QueuePolicy } from "../../index.js";
import { benchOptions, type BenchOptions } from "../bench.js";
import { Failure } from "../exit.js";
import { envelope, messageOptions, readBody, readLines, type MessageOptions } from "../input.js";
import { lineOf, recordOf } from "../output.js";
import { startProgress } from "../progress.js";
import { benchQueue } from "./queue-bench.js";
import { connectionOptions, withSession, type Session } from "../session.js";
import { integer } from "../values.js";

interface SendOptions extends MessageOptions {
  readonly lines?: true;
  readonly delay?: number;
  readonly expire?: number;
  readonly deadLetter?: string;
  readonly maxReceive: number;
}

interface ConsumeOptions {
  readonly count?: number;
  readonly prefetch: number;
  readonly settle: Settle;
  readonly idle?: number;
}

interface ReadOptions {
  readonly max: number;
  readonly wait: number;
}

type Settle = { readonly as: "ack" | "reject" } | { readonly as: "requeue"; readonly channel: string };

/** How many lines go to the server in one request. */
const LINES_A_BATCH = 500;

export function addQueues(program: Command): void {
  const queues = program
    .command("queues")
    .summary("messages that wait for a worker and are removed when it has settled them")
    .description("A message goes to one consumer, which settles it; an unsettled message is delivered again.");
  addSend(queues);
  addConsume(queues);
  addRead(queues, "receive", "receive waiting messages, acknowledged on delivery");
  addRead(queues, "peek", "show waiting messages without receiving them");

  connectionOptions(
    queues
      .command("ack-all <channel>")
      .summary("remove all waiting messages")
      .addHelpText("after", "\nExamples:\n  $ kubemq-es queues ack-all jobs"),
  ).action(async (channel: string, _flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const dropped = await client.queues.ackAll({ channel }, { signal });
      await output.print(`dropped ${dropped} messages of ${channel}`, { channel, dropped });
    }),
  );

  connectionOptions(
    queues
      .command("info [channel]")
      .summary("show the number of waiting messages in one queue or in all")
      .addHelpText(
        "after",
        "\nExamples:\n  $ kubemq-es queues info\n  $ kubemq-es queues info jobs --json | jq .waiting",
      ),
  ).action(async (channel: string | undefined, _flags: object, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      for (const queue of (await client.queues.info(channel, { signal })).queues) {
        const { name, messages, waiting, bytes, subscribers } = queue;
        await output.print(
          `${name}  messages ${messages}  waiting ${waiting}  bytes ${bytes}  subscribers ${subscribers}`,
          queue,
        );
      }
    }),
  );

  connectionOptions(
    benchOptions(
      queues.command("bench [channel]").summary("measure how many messages per second are sent and settled"),
    ),
  ).action(async (channel: string | undefined, options: BenchOptions, command: Command) =>
    withSession(command, (session) => benchQueue(session, channel ?? "kubemq-es.bench", options)),
  );
}

function addSend(queues: Command): void {
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

function addConsume(queues: Command): void {
  connectionOptions(
    queues
      .command("consume <channel>")
      .alias("subscribe")
      .summary("print messages and settle each, until Ctrl-C")
      .addOption(
        new Option("--settle <how>", "ack, reject, or requeue:CHANNEL")
          .argParser(settle)
          .default({ as: "ack" } satisfies Settle, "ack"),
      )
      .option("-n, --count <n>", "end after so many", integer(1))
      .option("--idle <seconds>", "end after this time without a message", integer(1))
      .option("--prefetch <n>", "maximum number of unsettled messages", integer(1, 1024), 1)
      .addHelpText(
        "after",
        `
A message is settled after it was printed: what a broken pipe did not take stays in the queue.

Examples:
  $ kubemq-es queues consume jobs
  $ kubemq-es queues consume jobs --idle 5 --json > jobs.jsonl
  $ kubemq-es queues consume jobs.failed --settle requeue:jobs --idle 2`,
      ),
  ).action(async (channel: string, options: ConsumeOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const { count = Infinity, prefetch, settle, idle } = options;
      let received = 0;
      const deliveries = client.queues.consume({ channel, prefetch }, { signal });
      const quiet = () => (idle === undefined ? undefined : setTimeout(() => void deliveries.close(), idle * 1000));
      let timer = quiet();
      try {
        for await (const delivery of deliveries) {
          clearTimeout(timer);
          await output.print(...printed(delivery));
          await (settle.as === "requeue" ? delivery.requeue(settle.channel) : delivery[settle.as]());
          if ((received += 1) >= count) break;
          timer = quiet();
        }
      } finally {
        clearTimeout(timer);
      }
    }),
  );
}

function settle(text: string): Settle {
  if (text === "ack" || text === "reject") return { as: text };
  if (/^requeue:./.test(text)) return { as: "requeue", channel: text.slice("requeue:".length) };
  throw new InvalidArgumentError("It must be ack, reject, or requeue:CHANNEL.");
}

function addRead(queues: Command, verb: "receive" | "peek", summary: string): void {
  connectionOptions(
    queues
      .command(`${verb} <channel>`)
      .summary(summary)
      .option("-n, --max <n>", "at most so many", integer(1, 1024), 10)
      .option("--wait <seconds>", "how long to wait for the first message", integer(1, 3600), 1)
      .addHelpText("after", `\nExamples:\n  $ kubemq-es queues ${verb} jobs --max 100 --json`),
  ).action(async (channel: string, { max, wait }: ReadOptions, command: Command) =>
    withSession(command, async ({ client, output, signal }) => {
      const messages = await client.queues[verb]({ channel, max, waitSeconds: wait }, { signal });
      for (const message of messages) await output.print(...printed(message));
    }),
  );
}

function printed(message: QueueMessage<unknown>): [string, object] {
  const { sequence, timestamp, receiveCount, reroutedFrom } = message;
  const marks = [
    `#${sequence}`,
    timestamp.toISOString(),
    ...(receiveCount > 1 ? [`received ${receiveCount} times`] : []),
  ];
  const more = { sequence, timestamp, receiveCount, ...(reroutedFrom !== undefined && { reroutedFrom }) };
  return [lineOf(message, ...marks), recordOf(message, more)];
}
