import { describe, expect, test } from "@jest/globals";
import { run } from "../support/run.js";

/**
 * A short run; `npm run fuzz` misbehaves 10,000 times. The seed changes every day and is printed.
 */
const seed = Math.floor(Date.now() / 86_400_000);

/** Always on our own transport: Connect's hangs on such answers. */
const ownTransport = { KUBEMQ_ES_TRANSPORT: "" };

interface Report {
  readonly answers: number;
  readonly misdeeds: Record<string, Record<string, number>>;
  readonly outcomes: Record<string, Record<string, number>>;
  readonly reconnects: { retry: number; resumed: number };
  readonly failures: string[];
}

async function misbehave(from: number): Promise<Report> {
  const args = ["400", String(from)];
  const { code, signal, stdout, stderr } = await run("fuzz/fuzz.ts", args, 100_000, ownTransport);
  expect({ code, signal, stderr, stdout }).toMatchObject({ code: 0, signal: null, stderr: "" });
  const report = JSON.parse(stdout.split("\n")[0] ?? "{}") as Report;
  expect(report.failures).toEqual([]);
  expect(report.answers).toBeGreaterThanOrEqual(400);
  const done = Object.entries(report.misdeeds).map(([misdeed]) => misdeed);
  expect(done).toEqual(expect.arrayContaining(["malformed frames", "truncated messages", "wrong trailers"]));
  expect(done).toEqual(expect.arrayContaining(["giant headers", "random bytes"]));
  return report;
}

/** Whether each kind of call had several outcomes. */
function isVaried({ outcomes }: Report): boolean {
  return ["unary", "receiving", "both ways"].every((kind) => Object.keys(outcomes[kind] ?? {}).length > 1);
}

describe("servers that violate the protocol", () => {
  test.concurrent(
    "malformed frames, truncated messages, wrong trailers, giant headers and random bytes cause a typed error or a reconnect",
    async () => {
      let report = await misbehave(seed);
      // On a busy machine a kind of call can have the same outcome each time.
      for (let more = 1; more <= 3 && !isVaried(report); more++) report = await misbehave(seed + more);
      // It misbehaved in several ways for each kind of call.
      expect([report.outcomes, isVaried(report)]).toEqual([report.outcomes, true]);
      // How often depends on the seed and on the machine.
      expect(report.outcomes["unary"]?.["UNAVAILABLE"]).toBeGreaterThan(0);
      expect(report.reconnects.retry).toBeGreaterThan(0);
    },
    410_000,
  );

  test.concurrent(
    "closing a client in the error of a call with too many headers does not crash node:http2",
    async () => {
      const { code, signal, stdout } = await run("header-flood.ts", [], 60_000);
      expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "done\n" });
    },
    70_000,
  );

  test.concurrent(
    "a server that stalls within a header block and stops reading does not crash node:http2",
    async () => {
      const { code, signal, stdout } = await run("half-header.ts", [], 60_000);
      expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "done\n" });
    },
    70_000,
  );
});
