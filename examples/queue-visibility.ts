// Receives a message under the server's visibility timer, and extends the timer while the work
// runs.
import { setTimeout as sleep } from "node:timers/promises";
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.visibility";
await client.queues.sendBatch(["by hand", "by itself"].map((body) => ({ channel, body })));

for await (const job of client.queues.consume({ channel, visibilitySeconds: 1 })) {
  await job.extendVisibility(5);
  await sleep(1_500);
  await job.ack();
  console.log(`${job.text()}: acknowledged after more than its first second`);
  break;
}

for await (const job of client.queues.consume({ channel, visibilitySeconds: 1, autoExtend: true })) {
  await sleep(1_500); // job.signal would abort if the lease were lost
  await job.ack();
  console.log(`${job.text()}: acknowledged after more than its first second`);
  break;
}

/* prints:
by hand: acknowledged after more than its first second
by itself: acknowledged after more than its first second
*/
