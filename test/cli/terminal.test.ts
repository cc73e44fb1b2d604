import { beforeAll, describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { Readable } from "node:stream";
import { readLines } from "../../src/cli/terminal/input.js";
import { run, type Screen, withServer } from "./support.js";

let client: KubeMQClient;
let at: readonly string[];

withServer((server) => ({ client, at } = server));

const plain: Screen = { columns: 80, rows: 24, env: { NO_COLOR: "1" } };
const colored: Screen = { columns: 80, rows: 24 };

/** Clears the screen, sets the title, rings, moves left, and reverses the order of what follows. */
const hostile = "a\u001b[2J\u001b]0;title\u0007\b\r\nb\u009b31m\u007f\u202ec\td";
const shown = String.raw`a\x1b[2J\x1b]0;title\x07\x08\r\nb\x9b31m\x7f\u202ec` + "\td";

describe("lines of standard input", () => {
  const read = async (chunks: Iterable<string | Uint8Array>, most?: number): Promise<string[]> => {
    const lines: string[] = [];
    const stdin = Readable.from(chunks, { objectMode: false }) as unknown as NodeJS.ReadStream;
    for await (const line of readLines({ stdin }, new AbortController().signal, most)) lines.push(line);
    return lines;
  };

  test("a line of many megabytes is read in a time that grows with its length only", async () => {
    const [line = "", ...others] = await read(Array.from({ length: 8_000 }, () => Buffer.alloc(2_048, "x")));
    expect([line.length, others]).toEqual([8_000 * 2_048, []]);
  });

  test("lines that chunks split anywhere are read whole, and an unfinished character at the end is kept", async () => {
    const bytes = Buffer.concat([Buffer.from("a\r\n\nü\u2028b\nlast\r\nno end\r"), Buffer.of(0xc3)]);
    const expected = ["a", "ü\u2028b", "last", "no end\r\ufffd"];
    for (const size of [1, 2, 3, 5, 100]) {
      const count = Math.ceil(bytes.length / size);
      const chunks = Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
      expect(await read(chunks)).toEqual(expected);
    }
    expect(await read([Buffer.from("x\r")])).toEqual(["x"]);
  });

  test("a line that is too long for a string is refused", async () => {
    const reading = read([Buffer.from("12345\n123"), Buffer.from("456")], 5);
    await expect(reading).rejects.toThrow("a line of standard input has more than 5 characters");
  });
});

describe("a message with control characters", () => {
  beforeAll(async () => {
    await client.queues.send({ channel: "hostile", body: hostile, metadata: hostile, tags: { [hostile]: hostile } });
  });

  test("control characters of a message do not reach a terminal, and line ends are escaped", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at], "", plain);
    expect(stdout.split("\n")).toHaveLength(2);
    expect(stdout).toContain(`${shown}=${shown} ${shown}\n`);
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test("control characters are escaped between colours, and in JSON whose value stays the same", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at], "", colored);
    expect(stdout).toContain(`\u001b[36m${shown}=${shown}\u001b[0m ${shown}\n`);
    const json = (await run(["queues", "peek", "hostile", "--max", "1", "--jsonl", ...at], "", colored)).stdout;
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.parse(json)).toMatchObject({ body: hostile, metadata: hostile, tags: { [hostile]: hostile } });
  });

  test("a message with control characters reaches a pipe unchanged and without colours", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at]);
    expect(stdout).toContain(`${hostile}=${hostile} ${hostile}\n`);
    expect(stdout).not.toContain("\u001b[2m");
  });

  test("control characters in an error message do not reach a terminal", async () => {
    const refusal = ["queries", "respond", "hostile", "--fail", hostile, "--count", "1", ...at];
    const responding = run(refusal, "", plain);
    const sent = run(["queries", "send", "hostile", "x", ...at], "", plain);
    expect((await sent).stderr).toBe(`kubemq-es: the query on hostile was refused: ${shown}\n`);
    await responding;
  });
});

test.each<[string, Screen["env"], string[], boolean]>([
  ["colours are on a terminal", {}, [], true],
  ["an empty NO_COLOR leaves them on", { NO_COLOR: "" }, [], true],
  ["NO_COLOR turns them off", { NO_COLOR: "1" }, [], false],
  ["--no-color turns them off", {}, ["--no-color"], false],
  ["a terminal without capabilities has none", { TERM: "dumb" }, [], false],
])("%s", async (_, env, options, colors) => {
  const screen = { columns: 80, rows: 24, env: { ...env } };
  const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...options, ...at], "", screen);
  expect(stdout.includes("\u001b[")).toBe(colors);
});
