// Tests your own code with jest: a broker per file, faults on demand, and a check that nothing
// leaks.
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";

/** The code under test. A queue delivers at least once, so it counts each order by its id. */
async function total(client: KubeMQClient, signal: AbortSignal): Promise<number> {
  const amounts = new Map<string, number>();
  for await (const order of client.queues.consume({ channel: "orders", settle: "on-next" }, { signal })) {
    const { amount } = order.json<{ amount: number }>();
    if (amount === 0) break;
    amounts.set(order.id, amount);
  }
  return [...amounts.values()].reduce((sum, amount) => sum + amount, 0);
}

let broker: Broker;
beforeAll(async () => void (broker = await startBroker({ port: 0 })));
afterAll(() => broker.close());

test("orders are added up, though the connection is lost meanwhile", async () => {
  await using client = await KubeMQClient.connect({ address: broker.address });
  await client.queues.sendBatch([3, 4, 0].map((amount) => ({ channel: "orders", body: JSON.stringify({ amount }) })));
  const sum = total(client, AbortSignal.timeout(10_000));
  while (broker.stats().streams["QueuesDownstream"] === undefined) await setImmediate(); // until it consumes
  await broker.faults.dropConnections();
  expect(await sum).toBe(7);

  await client.close();
  while (broker.stats().connections > 0) await setImmediate(); // a leak would be a time-out here
  expect(broker.stats().streams).toEqual({});
});
