// Empties a queue.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.ack-all";
await client.queues.sendBatch(["a", "b", "c"].map((body) => ({ channel, body })));

console.log("waiting:", (await client.queues.info(channel)).queues[0]?.waiting);
console.log("acknowledged:", await client.queues.ackAll({ channel, waitSeconds: 1 }));

/* prints:
waiting: 3
acknowledged: 3n
*/
