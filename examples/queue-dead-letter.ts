// A message that is rejected repeatedly moves to its dead-letter queue.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const deadLetter = { queue: "example.dead", maxReceiveCount: 3 };
await client.queues.send({ channel: "example.poison", body: "poison", policy: { deadLetter } });

for await (const job of client.queues.consume({ channel: "example.poison" })) {
  console.log(`delivery ${job.receiveCount}`);
  await job.reject();
  if (job.receiveCount === 3) break;
}

for await (const letter of client.queues.consume({ channel: "example.dead" })) {
  console.log(`${letter.text()} came from ${letter.reroutedFrom}`);
  await letter.ack();
  break;
}

/* prints:
delivery 1
delivery 2
delivery 3
poison came from example.poison
*/
