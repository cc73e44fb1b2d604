// Stored events can be read from six positions.
import { KubeMQClient, type StartPosition } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = `orders.${process.pid}`;

const publish = (n: number) => client.eventsStore.publish({ channel, body: `order ${n}` });
for (const n of [1, 2, 3]) await publish(n);
const later = new Date(Date.now() + 50);
while (Date.now() <= later.getTime()) await new Promise((resolve) => setTimeout(resolve, 10));
for (const n of [4, 5]) await publish(n);

async function read(start: StartPosition, count: number) {
  const subscription = client.eventsStore.subscribe({ channel, start });
  await subscription.ready;
  if (start.from === "new") setTimeout(publish, 200, 6);
  const sequences: bigint[] = [];
  for await (const event of subscription) {
    sequences.push(event.sequence);
    if (sequences.length === count) break;
  }
  console.log(start.from, sequences.join(" "));
}

await read({ from: "first" }, 5);
await read({ from: "last" }, 1);
await read({ from: "sequence", sequence: 3n }, 3);
await read({ from: "time", time: later }, 2);
await read({ from: "timeDelta", seconds: 60 }, 5);
await read({ from: "new" }, 1);

/* prints:
first 1 2 3 4 5
last 5
sequence 3 4 5
time 4 5
timeDelta 1 2 3 4 5
new 6
*/
