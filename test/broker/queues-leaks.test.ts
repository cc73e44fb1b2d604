import { once } from "node:events";
import { spawn } from "node:child_process";
import { expect, test } from "@jest/globals";
import { StreamRequestType } from "kubemq-es/gen";
import { programAt } from "../support/program.js";
import { Bench, get, ids, until } from "./support.js";

test("consumers that disappear at any point leak nothing, and lose or duplicate no message", async () => {
  await using bench = await Bench.start();
  const sent = Array.from({ length: 40 }, (_, number) => `m${number}`);
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 30 }, (_, number) => {
      if (number % 3 === 0) {
        const stream = bench.stream();
        stream.write({
          ClientID: "c",
          StreamRequestTypeData: StreamRequestType.ReceiveMessage,
          Channel: "q",
          WaitTimeSeconds: 3600,
        });
        return stream;
      }
      const downstream = bench.downstream();
      downstream.write(get({ Channel: "q", MaxItems: 1 + (number % 5), WaitTimeout: 3_600_000 }));
      return downstream;
    });
    const live = () => Object.values(bench.broker.stats().streams).reduce((sum, count) => sum + count, 0);
    await until(() => live() === 30, "30 calls");
    for (const call of calls.splice(0, 10)) call.cancel();
    if (round === 0) await bench.send("q", sent);
    // Some calls hold messages, some have answers in flight, some wait.
    const reading = calls.slice(0, 10).map((call) => call.next());
    for (const call of calls) call.cancel();
    await Promise.allSettled(reading);
    await bench.quiet();
    expect(bench.broker.stats().messages.queues).toEqual({ q: 40 });
  }
  const left = ids(await bench.drain("q"));
  expect(left.toSorted()).toEqual(sent.toSorted());
});

test("waiting calls of a client that disappears lose their place in the queue of calls", async () => {
  await using bench = await Bench.start();
  const calls = Array.from({ length: 100 }, () => bench.downstream());
  for (const call of calls) call.write(get({ Channel: "q", WaitTimeout: 3_600_000 }));
  await bench.timers(100);
  const gone = Promise.allSettled(calls.map((call) => call.next()));
  await bench.broker.faults.dropConnections();
  await gone;
  await bench.quiet();
  bench.client = bench.connect();
  await bench.send("q", ["m1"]);
  expect(ids(await bench.drain("q"))).toEqual(["m1"]);
});

test("a process that has closed its broker exits, whatever timers were pending", async () => {
  const { file, execArgv } = programAt("test/programs/broker-exit.ts");
  const child = spawn(process.execPath, [...execArgv, file], { stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  try {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, said }).toEqual({ code: 0, said: "closed\n" });
  } finally {
    clearTimeout(timer);
  }
});
