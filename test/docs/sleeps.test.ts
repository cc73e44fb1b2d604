import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { root } from "./program.js";

/**
 * Tests wait for events, for round trips or on a clock that they move (see fake-clock.ts, skipping-clock.ts and until.ts). What
 * still sleeps or sets a timer does so because of what this table says: at most that often.
 */
const ALLOWED: Readonly<Record<string, readonly [most: number, why: string]>> = {
  "conformance/collect.ts": [2, "recorded against a real server: how long nothing may come is part of the recording"],
  "conformance/conformance.test.ts": [2, "looks at a condition again, and starts recordings one after the other"],
  "conformance/player.ts": [3, "plays the pauses of a recording"],
  "conformance/process-time.ts": [1, "the time of a player, which is real or a clock's"],
  "connection/calls-alone.test.ts": [
    3,
    "liveness on real sockets: pings that are not sent, and an event loop that is blocked",
  ],
  "connection/connect.test.ts": [
    2,
    "connect() waits by the machine's clock, before there is a client to give another one",
  ],
  "connection/stream-limit.test.ts": [1, "an idle connection is kept through several intervals of silence"],
  "contract/features.ts": [1, "bound of a call to a real server"],
  "contract/promises/leases.ts": [2, "a lease ends by the clock of a real server"],
  "contract/promises/queues.ts": [1, "a message expires by the clock of a real server"],
  "contract/promises/requests.ts": [1, "a request times out by the clock of a real server"],
  "contract/promises/store.ts": [
    3,
    "a start time is compared with the clock of a real server; a slow loop makes it drop",
  ],
  "docs/program.ts": [1, "kills a program that does not end"],
  "broker/queues-leaks.test.ts": [1, "kills a program that does not end"],
  "broker/support.ts": [1, "looks at a condition again"],
  "programs/broker-exit.ts": [1, "looks at a condition again"],
  "programs/churn.ts": [3, "leaves streams at random moments, which is what it tests"],
  "programs/exits.ts": [2, "nothing tells that a connection hangs: the server keeps silent"],
  "programs/half-header.ts": [4, "a server that falls silent for a time, which is what it tests"],
  "programs/responder-child.ts": [1, "a responder that takes time"],
  "programs/fuzz/fuzz-client.ts": [3, "bounds of a round, and one look again"],
  "programs/fuzz/misbehaving-server.ts": [2, "misbehaves late, at random"],
  "programs/send-memory.ts": [1, "waits until unused streams are let go, by the client's own time"],
  "queues/taking.test.ts": [6, "played servers answer later than the next turn"],
  "reliability/restart.test.ts": [2, "a port that is closed and a network that stands still for a time"],
  "reliability/slow-loops.slow.test.ts": [
    1,
    "a loop that stands still for longer than the server in its own process is patient",
  ],
  "reliability/worked-streams.test.ts": [1, "longer than a refusal takes behind the answer of a ping"],
  "support/exactly-once.ts": [1, "kills workers at random moments"],
  "support/load.ts": [1, "offers messages at a rate"],
  "support/run.ts": [1, "kills a program that does not end"],
  "support/skipping-clock.ts": [2, "is a clock"],
  "support/suite-transport.ts": [1, "the deadline of a call on Connect's transport"],
  "support/tcp-proxy.ts": [2, "delays data and bounds its rate, which is what it is for"],
  "support/until.ts": [4, "sleep() itself, a bound, and one look again"],
  "unit/with-broker.test.ts": [2, "timers that are left open on purpose"],
};

function sleepsOf(file: string): number {
  const source = readFileSync(`${root}test/${file}`, "utf8").replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "");
  return [...source.matchAll(/(?<!session\.)\b(sleep|setTimeout)\(/g)].length;
}

test("each sleep and timer in a test has a reason in the table", () => {
  const files = readdirSync(`${root}test`, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !/^(soak|package|fake-timers|docs\/sleeps)/.test(file));
  const found = files.map((file) => [file, sleepsOf(file)] as const).filter(([, count]) => count > 0);
  expect(found.filter(([file, count]) => count > (ALLOWED[file]?.[0] ?? 0))).toEqual([]);
  // A row that is not needed any more would allow the next one without a reason.
  expect(Object.keys(ALLOWED).filter((file) => !found.some(([each]) => each === file))).toEqual([]);
});
