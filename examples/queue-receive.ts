// Takes messages out of a queue in one call. They are acknowledged before they arrive: for work that must not be lost use consume().
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
