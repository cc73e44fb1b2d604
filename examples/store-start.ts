// Six start positions: `replay` ends after the stored events, `subscribe` continues with new ones.
import { setTimeout as sleep } from "node:timers/promises";
import { KubeMQClient, type ReplayRequest } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = `orders.${process.pid}`;

for (const body of ["one", "two", "three"]) await client.eventsStore.publish({ channel, body });
await sleep(100);
const time = new Date();
const live = client.eventsStore.subscribe({ channel, start: { from: "new" } });
await live.ready;
await client.eventsStore.publish({ channel, body: "four" });
for await (const event of live) {
  console.log(`new: ${event.text()}`);
  break;
}

async function read(start: ReplayRequest["start"]) {
  const bodies: string[] = [];
  for await (const event of client.eventsStore.replay({ channel, start })) bodies.push(event.text());
  console.log(`${start.from}: ${bodies.join(" ")}`);
}
await read({ from: "first" });
await read({ from: "last" });
await read({ from: "sequence", sequence: 3n });
await read({ from: "time", time });
await read({ from: "timeDelta", seconds: 60 });

/* prints:
new: four
first: one two three four
last: four
sequence: three four
time: four
timeDelta: one two three four
*/
