import type { Command } from "commander";
import { KubeMQClient } from "../../index.js";
import { Failure } from "../exit.js";
import { clientOptions, connectionOptions } from "../session.js";
import { styled } from "../terminal/line.js";
import { createOutput, type Output, type OutputOptions } from "../terminal/output.js";
import { stopSignal } from "../terminal/stop.js";
import { terminalOf } from "../terminal/terminal.js";
import { checkFeatures } from "./features.js";
import type { Finding } from "./finding.js";
import { checkHttp2 } from "./http2.js";
import { checkName, checkTcp } from "./network.js";
import { checkClock, checkLatency, checkServer, checkToken } from "./server.js";
import { type Target, targetsOf } from "./target.js";
import { checkTls } from "./tls.js";

export function addDoctor(program: Command): void {
  connectionOptions(
    program
      .command("doctor")
      .summary("find out why a server does not work, and what it supports")
      .description(
        "Checks one thing after the other: name, TCP, TLS, HTTP/2, the server, the token, its features, its clock " +
          "and its latency. The first failure ends the checks of a server. Publishes one event on " +
          "kubemq-es.doctor, and changes nothing else.",
      )
      .addHelpText(
        "after",
        "\nExamples:\n  $ kubemq-es doctor\n  $ kubemq-es doctor --address https://broker.example.com:50000 --jsonl",
      ),
  ).action(async (options: OutputOptions, command: Command) => {
    const terminal = terminalOf(command);
    const output = createOutput(terminal, options);
    const signal = stopSignal(terminal);
    const failures: Finding[] = [];
    for (const target of await targetsOf(clientOptions(command))) {
      const server = `${target.host}:${target.port}`;
      for await (const finding of findings(target)) {
        signal.throwIfAborted();
        await tell(output, server, finding);
        if (finding.outcome === "failed") failures.push(finding);
      }
    }
    const [first] = failures;
    if (first !== undefined) throw new Failure(`doctor: the check of ${first.check} failed`, first.exitCode);
  });
}

/** The findings in order, up to the failure that makes the next ones impossible. */
async function* findings(target: Target): AsyncGenerator<Finding, void> {
  for (const check of [checkName, checkTcp, checkTls, checkHttp2]) {
    const finding = await check(target);
    yield finding;
    if (finding.outcome === "failed") return;
  }
  await using client = new KubeMQClient(target.options);
  const given = target.options.authToken !== undefined;
  for (const check of [() => checkServer(client), () => checkToken(client, given)]) {
    const finding = await check();
    yield finding;
    if (finding.outcome === "failed") return;
  }
  yield* checkFeatures(client, target);
  yield await checkClock(client);
  yield await checkLatency(client);
}

const WORDS = { ok: styled("green", "ok"), failed: styled("red", "failed"), absent: styled("yellow", "absent") };

async function tell(output: Output, server: string, finding: Finding): Promise<void> {
  const { check, outcome, detail, advice } = finding;
  const space = " ".repeat("failed ".length - outcome.length);
  const line = [WORDS[outcome], space, styled("bold", check.padEnd(12)), detail];
  await output.print(line, { server, check, outcome, detail, advice });
  if (advice !== undefined && !output.jsonl) await output.print([" ".repeat(19), styled("cyan", `-> ${advice}`)], {});
}
