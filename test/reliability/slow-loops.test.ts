import { expect, test } from "@jest/globals";
import { KubeMQClient, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BrokerProcess } from "../support/broker-process.js";
import { run } from "../support/run.js";
import { sleep, until } from "../support/until.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heldBytes = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const KIB_10 = Buffer.alloc(10 * 1024, "x");

test("a loop that is far behind holds a bounded part of 100,000 messages of 10 kB, and the store loses none", async () => {
  const count = 100_000;
  // Server and publisher in processes of their own, so that what they hold is not counted here. The server drops what waits for
  // longer than it is patient, as servers do: the loop is slower than that now and then.
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
    // It stands still now and then, for long enough that everything that is to be held is held.
    if (event.sequence % 10_000n === 5_000n) {
      await sleep(400);
      held.push(heldBytes() - before);
    }
    if (event.sequence === BigInt(count)) break;
  }
  expect((await filling).stdout).toBe("done\n");
  // 1 GB passed through. What is held: the buffer (256 messages), what the transport and the windows let in, and no more at the end.
  expect(Math.max(...held)).toBeLessThan(32 * 1024 * 1024);
  expect([...held].sort((a, b) => a - b)[held.length >> 1]).toBeLessThan(16 * 1024 * 1024);
  expect(gaps.length).toBeGreaterThan(0); // the server did drop some
}, 120_000);

test("plain events report nothing of what a server drops, but the loop goes on with what it still sends", async () => {
  await using broker = await startBroker({ slowConsumerMs: 100 });
  await using client = await KubeMQClient.connect({ address: broker.address });
  const sub = client.events.subscribe({ channel: "flood" });
  await sub.ready;
  const seen: number[] = [];
  let stuck = () => {};
  const unstuck = new Promise<void>((resolve) => (stuck = resolve));
  const loop = (async () => {
    for await (const event of sub) {
      seen.push(Number(event.metadata));
      if (seen.length === 1) await unstuck; // stands still while far more arrives than is buffered anywhere
      if (event.metadata === "last") break;
    }
  })();
  await using publisher = client.events.publisher();
  await publisher.publishAll(
    Array.from({ length: 2_000 }, (_, n) => ({ channel: "flood", body: KIB_10, metadata: String(n) })),
  );
  stuck();
  await until("what is left has come", () => seen.length > 256);
  for (let settled = 0; settled !== seen.length;) {
    settled = seen.length;
    await sleep(250);
  }
  await client.events.publish({ channel: "flood", body: "x", metadata: "last" });
  await loop;
  const numbers = seen.slice(0, -1);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b)); // in order, none twice, some missing or none
}, 60_000);
