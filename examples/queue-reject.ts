// Rejects a message: it moves to the end of its queue and is delivered again.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.reject";
await client.queues.sendBatch(["good", "bad"].map((body) => ({ channel, body })));

for await (const job of client.queues.consume({ channel })) {
  if (job.text() === "bad" && job.receiveCount === 1) {
    await job.reject();
    await client.queues.send({ channel, body: "last" });
  } else {
    console.log(`${job.text()}, delivery ${job.receiveCount}`);
    await job.ack();
    if (job.text() === "last") break;
  }
}

/* prints:
good, delivery 1
bad, delivery 2
last, delivery 1
*/
