import type { Command } from "commander";
import type { Incoming } from "../../index.js";
import type { Line } from "../terminal/line.js";
import type { Session } from "../session.js";
import { progressOf } from "../terminal/progress.js";
import { integer } from "../values.js";
import { formatOption } from "./template.js";

export interface SubscribeOptions {
  readonly group?: string;
  readonly count?: number;
}

/** Options of every receiving command; `what` names the messages in the help. */
export function subscribeOptions(command: Command, what: string): Command {
  return countOption(command.option("--group <name>", `share the ${what} with the other members of this group`));
}

export function countOption(command: Command): Command {
  return formatOption(command).option("-n, --count <n>", "end after this number of messages", integer(1));
}

/** The channel and group to subscribe to. */
export function filterOf(channel: string, { group }: SubscribeOptions): { channel: string; group?: string } {
  return { channel, ...(group !== undefined && { group }) };
}

/** Prints each message, then runs the action on it, until `count` messages are done. */
export async function printEach<M extends Incoming<unknown>>(
  { output, terminal }: Pick<Session, "output" | "terminal">,
  messages: AsyncIterable<M>,
  { count = Infinity }: SubscribeOptions,
  printed: (message: M) => readonly [forPeople: Line, forPrograms: object],
  finish?: (message: M) => Promise<void>,
): Promise<void> {
  let done = 0;
  for await (const message of progressOf(terminal, messages)) {
    await output.message(...printed(message));
    await finish?.(message);
    if ((done += 1) >= count) break;
  }
}
