// Consumes a queue and acknowledges each message after its work is done.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.ack";
await client.queues.sendBatch(["a", "b", "c"].map((body) => ({ channel, body })));

for await (const job of client.queues.consume({ channel })) {
  console.log(`working on ${job.text()}`);
  await job.ack(); // resolves when the server has processed it
  if (job.text() === "c") break;
}

/* prints:
working on a
working on b
working on c
*/
