/**
 * A position of your own: every run goes on behind the last event that the run before has finished.
 * `npx tsx examples/store-position.ts [--address host:port]`; without an address on an embedded broker.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KubeMQClient, type StartPosition } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

const { values } = parseArgs({ options: { address: { type: "string" } } });
await using broker = values.address === undefined ? await startBroker() : undefined;
await using client = await KubeMQClient.connect({ address: values.address ?? broker?.address ?? "" });
const channel = `orders-${Date.now()}`;
const file = join(tmpdir(), `${channel}.position`);

async function start(): Promise<StartPosition> {
  const stored = await readFile(file, "utf8").catch(() => undefined); // none: the first run
  return stored === undefined ? { from: "first" } : { from: "sequence", sequence: BigInt(stored) + 1n };
}

await using publisher = client.eventsStore.publisher();
await publisher.publishAll(Array.from({ length: 10 }, (_, index) => ({ channel, body: `order ${index + 1}` })));

for (const stopAt of [4n, 7n, 10n]) {
  const orders = client.eventsStore.subscribe({ channel, start: await start() });
  for await (const order of orders) {
    if (orders.position !== undefined) await writeFile(file, String(orders.position)); // the one before is done
    console.log(`run to ${stopAt}: ${order.text()}`);
    if (order.sequence === stopAt) break; // as if the program ended here: this one comes again
  }
}
await rm(file);
