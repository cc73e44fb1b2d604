import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker, type Broker } from "kubemq-es/testing";
import { clockOf } from "../../src/cli/doctor/server.js";
import { pem, pemPath } from "../support/tls.js";
import { run } from "./support.js";

interface Finding {
  readonly check: string;
  readonly outcome: string;
  readonly detail: string;
  readonly advice?: string;
}

async function examined(address: string, ...args: string[]) {
  const result = await run(["doctor", "--address", address, "--timeout", "1000", "--jsonl", ...args]);
  const findings = result.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Finding);
  return { ...result, findings, outcomes: findings.map(({ check, outcome }) => `${check} ${outcome}`) };
}

const GOOD = ["name ok", "tcp ok", "tls ok", "http2 ok", "server ok", "token ok"];

let plain: Broker;
let newest: Broker;
let guarded: Broker;
let secure: Broker;
let mutual: Broker;
/** A server that speaks no HTTP/2. */
let other: Server;
const tls = { cert: pem("server"), key: pem("server-key") };

beforeAll(async () => {
  [plain, newest, guarded, secure, mutual] = await Promise.all([
    startBroker(),
    startBroker({ profile: "newest" }),
    startBroker({ token: "secret" }),
    startBroker(tls),
    startBroker({ ...tls, ca: pem("ca") }),
  ]);
  other = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
});
afterAll(async () => {
  other.close();
  await Promise.all([plain, newest, guarded, secure, mutual].map((broker) => broker.close()));
});

describe("doctor", () => {
  test("doctor finds no fault on the embedded broker", async () => {
    const { code, stderr, outcomes } = await examined(plain.address);
    const rest = ["queues-info ok", "leases ok", "channels ok", "clock ok", "latency ok"];
    expect({ code, stderr, outcomes }).toEqual({ code: 0, stderr: "", outcomes: [...GOOD, ...rest] });
  });

  test("doctor reports the missing calls of the newest servers without failing", async () => {
    const { code, outcomes } = await examined(newest.address);
    const rest = ["queues-info absent", "leases absent", "channels ok", "clock ok", "latency ok"];
    expect({ code, outcomes }).toEqual({ code: 0, outcomes: [...GOOD, ...rest] });
  });

  test("doctor finds no fault over TLS with a client certificate", async () => {
    const files = ["--tls-ca", pemPath("ca"), "--tls-cert", pemPath("client"), "--tls-key", pemPath("client-key")];
    const { code, outcomes, findings } = await examined(`https://localhost:${mutual.port}`, ...files);
    expect({ code, outcomes: outcomes.slice(0, 6) }).toEqual({ code: 0, outcomes: GOOD });
    expect(findings[2]?.detail).toMatch(/^TLSv1\.3, certificate of .*, valid until/);
  });

  test.each<[string, () => string, string[], number, string, string]>([
    ["an unknown host", () => "nowhere.invalid", [], 3, "name", "check the spelling"],
    ["a dead port", () => "127.0.0.1:1", [], 3, "tcp", "start the server"],
    ["another service", () => `127.0.0.1:${(other.address() as AddressInfo).port}`, [], 3, "http2", "another service"],
    ["a TLS port without TLS", () => secure.address, [], 3, "http2", "the port speaks TLS: use https://"],
    ["a plain port with TLS", () => `https://${plain.address}`, [], 5, "tls", "speak plain text: use http://"],
    ["an unknown authority", () => `https://${secure.address}`, [], 5, "tls", "--tls-ca FILE"],
    ["a wrong token", () => guarded.address, ["--token", "wrong"], 5, "token", "renew the token"],
    ["a missing token", () => guarded.address, [], 5, "token", "--token or KUBEMQ_AUTH_TOKEN"],
    [
      "a missing client certificate",
      () => `https://${mutual.address}`,
      ["--tls-ca", pemPath("ca"), "--tls-server-name", "localhost"],
      3,
      "http2",
      "--tls-cert FILE",
    ],
  ])("ends at %s, and says what to do", async (_, address, args, code, check, advice) => {
    const result = await examined(address(), ...args);
    const last = result.findings.at(-1);
    expect({ code: result.code, check: last?.check, outcome: last?.outcome }).toEqual({
      code,
      check,
      outcome: "failed",
    });
    expect(last?.advice).toContain(advice);
    expect(result.outcomes.slice(0, -1)).toEqual(GOOD.slice(0, result.outcomes.length - 1));
    expect(result.stderr).toBe(`kubemq-es: doctor: the check of ${check} failed\n`);
  });

  test("doctor prints a line for each check, and advice below a failed one", async () => {
    const { stdout } = await run(["doctor", "--address", "127.0.0.1:1"]);
    expect(stdout.split("\n")).toEqual([
      "ok     name        127.0.0.1 is an IP address",
      "failed tcp         127.0.0.1:1 does not connect: connect ECONNREFUSED 127.0.0.1:1",
      expect.stringMatching(/^ {19}-> start the server, and check the port/),
      "",
    ]);
  });

  test("doctor examines every server of a list", async () => {
    const { code, findings } = await examined(`${plain.address},127.0.0.1:1`);
    expect(code).toBe(3);
    expect(findings.slice(-3).map(({ check, outcome }) => [check, outcome])).toEqual([
      ["latency", "ok"],
      ["name", "ok"],
      ["tcp", "failed"],
    ]);
  });

  test.each([
    [0, "ok", "the time of this machine"],
    [-3_600, "failed", "3600 s behind this machine"],
    [90, "failed", "90 s ahead of this machine"],
  ])("the clock of a server that differs by %d s is %s", (seconds, outcome, detail) => {
    const now = Date.UTC(2026, 0, 1);
    const startedAt = new Date(now + seconds * 1_000 - 60_000);
    const finding = clockOf({ host: "", version: "", startedAt, uptimeSeconds: 60 }, now);
    expect(finding).toMatchObject({ outcome, detail: expect.stringContaining(detail) });
  });
});
