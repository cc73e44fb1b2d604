import { expect, test } from "@jest/globals";
import { BrokerProcess } from "../support/broker-process.js";
import { run } from "../support/run.js";

/** What a scenario of programs/send-memory.ts leaves in the memory of its process, in bytes. */
async function leftBy(scenario: string): Promise<Record<string, number>> {
  // The broker has its own process, so that its memory is not measured.
  await using broker = await BrokerProcess.start();
  const { code, stdout, stderr } = await run("send-memory.ts", [scenario, broker.address], 200_000);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Record<string, number>;
}

test("100,000 plain sends leave nothing in memory", async () => {
  const { streaming, letGo } = await leftBy("100,000 plain sends");
  expect(streaming).toBeLessThan(2_000_000); // 30 MB of messages were sent
  expect(letGo).toBeLessThan(500_000);
}, 220_000);

test("the streams of 1,000 clients that were dropped leave nothing in memory", async () => {
  const { letGo } = await leftBy("streams of 1,000 clients");
  expect(letGo).toBeLessThan(1_000_000); // less than 1 kB for each
}, 220_000);
