import { expect, test } from "@jest/globals";
import { KubeMQClient, type Status } from "kubemq-es";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BrokerProcess } from "../support/broker-process.js";
import { run } from "../support/run.js";
import { sleep } from "../support/until.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heldBytes = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

test("a slow loop buffers a bounded part of 100,000 messages of 10 kB, and a store loop loses none", async () => {
  const count = 100_000;
  // Server and publisher run in separate processes, so that their memory is not measured. The
  // server drops messages that wait longer than its limit, as servers do: the loop is sometimes
  // slower than that.
  await using broker = await BrokerProcess.start({ slowConsumerMs: 200 });
  await using client = await KubeMQClient.connect({ address: broker.address });
  const gaps: Status[] = [];
  void (async () => {
    for await (const status of client.status()) if (status.type === "gap") gaps.push(status);
  })();
  const filling = run("store-filler.ts", [broker.address, "big", String(count)], 100_000);
  const before = heldBytes();
  const held: number[] = [];
  let expected = 1n;
  for await (const event of client.eventsStore.subscribe({ channel: "big", start: { from: "first" } })) {
    if (event.sequence !== expected) throw new Error(`${event.sequence} came in the place of ${expected}`);
    expected += 1n;
    // It pauses now and then, long enough for every buffer to fill.
    if (event.sequence % 10_000n === 5_000n) {
      await sleep(400);
      held.push(heldBytes() - before);
    }
    if (event.sequence === BigInt(count)) break;
  }
  expect((await filling).stdout).toBe("done\n");
  // 1 GB was received. Retained: the buffer (256 messages) and the data admitted by transport and
  // windows, and nothing more at the end.
  expect(Math.max(...held)).toBeLessThan(32 * 1024 * 1024);
  expect([...held].sort((a, b) => a - b)[held.length >> 1]).toBeLessThan(16 * 1024 * 1024);
  expect(gaps.length).toBeGreaterThan(0); // the server did drop some
}, 120_000);
