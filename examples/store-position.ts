// A position of your own: every run goes on behind the last event that the run before has finished.
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeMQClient, type StartPosition } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
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

/* prints:
run to 4: order 1
run to 4: order 2
run to 4: order 3
run to 4: order 4
run to 7: order 4
run to 7: order 5
run to 7: order 6
run to 7: order 7
run to 10: order 7
run to 10: order 8
run to 10: order 9
run to 10: order 10
*/
