import { expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BrokerProcess } from "../support/broker-process.js";
import { sleep, until } from "../support/until.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heldBytes = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const KIB_10 = Buffer.alloc(10 * 1024, "x");

test("a loop that is far behind holds a bounded part of 20,000 messages of 10 kB, and the store loses none", async () => {
  // In a process of its own, so that what it stores is not counted here.
  await using broker = await BrokerProcess.start();
  await using client = await KubeMQClient.connect({ address: broker.address });
  await using publisher = client.eventsStore.publisher();
  const count = 20_000;
  await publisher.publishAll(Array.from({ length: count }, () => ({ channel: "big", body: KIB_10 })));

  const before = heldBytes();
  let most = 0;
  let expected = 1n;
  for await (const event of client.eventsStore.subscribe({ channel: "big", start: { from: "first" } })) {
    expect(event.sequence).toBe(expected);
    expected += 1n;
    // The loop stands still now and then, for long enough that everything that is to be held is held.
    if (event.sequence % 4_000n === 0n) {
      await sleep(300);
      most = Math.max(most, heldBytes() - before);
    }
    if (event.sequence === BigInt(count)) break;
  }
  // 200 MB passed through. What is held: the buffer (256 messages), and what the transport and the windows let in.
  expect(most).toBeLessThan(32 * 1024 * 1024);
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
