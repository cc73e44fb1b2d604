// Stores the position yourself: a restarted program continues after the last event that it
// finished.
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = `orders-${Date.now()}`;
for (const body of ["one", "two", "three", "four"]) await client.eventsStore.publish({ channel, body });

const file = join(tmpdir(), `${channel}.position`);
await writeFile(file, "0"); // no event is finished yet

/** One run of the program; it ends while processing its last order. */
async function run(name: string, last: string) {
  const finished = BigInt(await readFile(file, "utf8"));
  const orders = client.eventsStore.subscribe({ channel, start: { from: "sequence", sequence: finished + 1n } });
  for await (const order of orders) {
    if (orders.position !== undefined) await writeFile(file, String(orders.position)); // the previous order is finished
    console.log(`${name} run: order ${order.text()}`);
    if (order.text() === last) break;
  }
}
await run("first", "two");
await run("second", "four");
await rm(file);

/* prints:
first run: order one
first run: order two
second run: order two
second run: order three
second run: order four
*/
