import type { Command } from "commander";
import { benchOptions, type BenchOptions } from "../messages/bench.js";
import { connectionOptions, withSession } from "../session.js";
import { addAckAll } from "./ack-all.js";
import { benchQueue } from "./bench.js";
import { addConsume } from "./consume.js";
import { addInfo } from "./info.js";
import { addRead } from "./read.js";
import { addSend } from "./send.js";
import { addWatch } from "./watch.js";

export function addQueues(program: Command): void {
  const queues = program
    .command("queues")
    .summary("messages that wait for a worker and are removed when it has settled them")
    .description("A message goes to one consumer, which settles it; an unsettled message is delivered again.");
  addSend(queues);
  addConsume(queues);
  addRead(queues, "receive", "receive waiting messages, acknowledged on delivery");
  addRead(queues, "peek", "show waiting messages without receiving them");
  addAckAll(queues);
  addInfo(queues);
  addWatch(queues);

  connectionOptions(
    benchOptions(
      queues.command("bench [channel]").summary("measure how many messages per second are sent and settled"),
    ),
  ).action(async (channel: string | undefined, options: BenchOptions, command: Command) =>
    withSession(command, (session) => benchQueue(session, channel ?? "kubemq-es.bench", options)),
  );
}
