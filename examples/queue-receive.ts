// Receives messages in one call. The server acknowledges them on delivery; use consume() for work
// that must not be lost.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.receive";
await client.queues.sendBatch(["a", "b", "c"].map((body) => ({ channel, body })));

const messages = await client.queues.receive({ channel, max: 10, waitSeconds: 1 });
for (const message of messages) console.log(message.text());
console.log("waiting:", (await client.queues.peek({ channel })).length);

/* prints:
a
b
c
waiting: 0
*/
