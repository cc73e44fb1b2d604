// Testing your own code with jest: a broker for the file, faults on demand, and proof that nothing leaks.
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { KubeMQClient, type KubeMQError } from "kubemq-es";
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
  await client.queues.send({ channel: "orders", body: '{"amount":3}' });
  const sum = total(client, AbortSignal.timeout(10_000));
  await broker.faults.dropConnections();
  for (const body of ['{"amount":4}', '{"amount":0}']) {
    // What a lost connection interrupts is for the sender to decide: here, the same message is sent again.
    const order = { id: body, channel: "orders", body };
    while (
      await client.queues.send(order).then(
        () => false,
        (error: KubeMQError) => error.retryable,
      )
    );
  }
  expect(await sum).toBe(7);
  await client.close();
  while (broker.stats().connections > 0) await setImmediate(); // a leak would be a time-out here
  expect(broker.stats().streams).toEqual({});
});
