// Sends many messages in one call, with a result for each, and more messages over a stream.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.batch";

const results = await client.queues.sendBatch(["a", "b", "c"].map((body) => ({ channel, body })));
for (const result of results) console.log(result.id, result.ok ? "stored" : result.error.message);

// A publisher keeps the order of sends, and combines waiting messages into one request.
await using publisher = client.queues.publisher();
const sends = Array.from({ length: 1_000 }, (_, n) => publisher.send({ channel, body: `job ${n}` }));
const stored = (await Promise.all(sends)).length;
console.log(`${stored} stored by the publisher`);

const acknowledged = await client.queues.ackAll({ channel });
console.log(`${acknowledged} waited in the queue`);

/* prints:
… stored
… stored
… stored
1000 stored by the publisher
1003 waited in the queue
*/
