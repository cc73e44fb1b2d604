import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker, type Broker } from "kubemq-es/testing";
import { nodesOf } from "../../src/cli/completion/tree.js";
import { program } from "../../src/cli/program.js";
import { processTerminal } from "../../src/cli/terminal/terminal.js";
import { ended, startOn, type Ended } from "../cli/support.js";
import { until } from "../support/until.js";
import { isLine, root } from "./program.js";

const page = readFileSync(`${root}docs/cli.md`, "utf8");

/** The `console` blocks of the page: commands after `$`, and what they print. */
const blocks = [...page.matchAll(/^```console\n([^]*?)\n```$/gm)].map((match) => {
  const lines = `${match[1]}`.split("\n");
  const commands = lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  return { first: `${commands[0]}`, commands, prints: lines.filter((line) => !line.startsWith("$ ")) };
});

let broker: Broker;
const files = new Map<string, string>();

beforeAll(async () => {
  broker = await startBroker({ port: 0 });
});
afterAll(() => broker.close());

const unquoted = (word: string) => word.replaceAll("'", "");

/** One command of a pipeline, in this process; `redirect` are its files. */
async function stage(command: string, stdin: string): Promise<string> {
  const [, words = "", sign, file = ""] = /^(.*?)(?: ([<>]) (\S+))?$/s.exec(command) ?? [];
  const [name, ...args] = (words.match(/'[^']*'|\S+/g) ?? []).map(unquoted);
  if (name === "seq") return Array.from({ length: Number(args[0]) }, (_, n) => `${n + 1}\n`).join("");
  if (name === "printf") return `${args[0]}`.replaceAll(String.raw`\n`, "\n");
  if (name === "sleep") {
    await until("the background commands receive", () => Object.values(broker.stats().streams).some((n) => n > 0));
    return "";
  }
  expect(name).toBe("kubemq-es");
  const running = startOn(undefined, args, { KUBEMQ_ADDRESS: broker.address });
  running.stdin.end(sign === "<" ? (files.get(file) ?? "") : stdin);
  const { stdout, stderr }: Ended = await ended(running);
  if (sign === ">") files.set(file, stdout);
  return sign === ">" ? stderr : stdout + stderr;
}

async function pipeline(line: string): Promise<string> {
  let output = "";
  for (const command of line.split(" | ")) output = await stage(command, output);
  return output;
}

/** What the commands of a block print; those in the background print last. */
async function printed(commands: readonly string[]): Promise<string[]> {
  const background: Promise<string>[] = [];
  let output = "";
  for (const command of commands) {
    if (command.endsWith(" &")) background.push(pipeline(command.slice(0, -2)));
    else output += await pipeline(command);
    if (!command.endsWith(" &") && command !== "sleep 1") output += (await Promise.all(background.splice(0))).join("");
  }
  return output.split("\n").slice(0, -1);
}

describe("docs/cli.md", () => {
  // In the order of the page: they share the broker.
  test.each(blocks)("$first and the commands after it print what the page says", async ({ commands, prints }) => {
    const lines = await printed(commands);
    expect(lines.map((line, n) => (isLine(line, prints[n] ?? "") ? prints[n] : line))).toEqual(prints);
  });

  test("docs/cli.md has an example of every command", () => {
    const leaves = nodesOf(program(processTerminal)).filter(
      ({ path, commands }) => path !== "" && commands.length === 0,
    );
    expect(leaves.length).toBeGreaterThan(25);
    expect(leaves.map(({ path }) => `kubemq-es${path}`).filter((command) => !page.includes(command))).toEqual([]);
  });
});
