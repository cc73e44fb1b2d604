import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { within } from "../../support/until.js";
import { rawClient } from "./raw-client.js";

const main = fileURLToPath(new URL("../../../src/broker/main.ts", import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function run(...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  const ready = (async () => {
    while (!output.out.includes("\n")) await once(child.stdout, "data");
    return output.out.trim();
  })();
  return { child, output, exit, ready };
}

describe("the broker in the foreground", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "says where it listens, serves, and ends cleanly on %s",
    async (signal) => {
      const { child, ready, exit, output } = run("--port", "0", "--verbose");
      const line = await within(20_000, "it listens", ready);
      expect(line).toMatch(/^listening on 127\.0\.0\.1:\d+$/);
      using client = rawClient(line.replace("listening on ", ""));
      expect((await client.rpc.ping({})).Version).toMatch(/^v/);
      child.kill(signal);
      expect(await within(10_000, "it ends", exit)).toBe(0);
      expect(output.err).toMatch(/ Ping\n/);
    },
    40_000,
  );

  test("a port that is taken is a clear error", async () => {
    await using broker = await startBroker();
    const { exit, output } = run("--port", String(broker.port));
    expect(await within(20_000, "it ends", exit)).toBe(1);
    expect(output.err).toContain(`address already in use 127.0.0.1:${broker.port}`);
    expect(output.err).toContain("choose another --port");
    expect(output.err).not.toContain("    at ");
  }, 40_000);
});
