// A delayed message becomes visible later.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.delay";

const sent = await client.queues.send({ channel, body: "later", policy: { delaySeconds: 1 } });
if (sent.delayedTo !== undefined) console.log(`held back until ${sent.delayedTo.toISOString()}`);

for await (const job of client.queues.consume({ channel })) {
  console.log(`${job.text()} came after ${Date.now() - sent.sentAt.getTime() >= 1_000 ? "a second" : "no time"}`);
  await job.ack();
  break;
}

/* prints:
held back until …
later came after a second
*/
