// Forwards a message to another queue instead of acknowledging it.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
await client.queues.send({ channel: "example.inbox", body: "for somebody else" });

for await (const job of client.queues.consume({ channel: "example.inbox" })) {
  await job.requeue("example.outbox");
  break;
}

const [moved] = await client.queues.receive({ channel: "example.outbox" });
console.log(`${moved?.channel}: ${moved?.text()}`);

/* prints:
example.outbox: for somebody else
*/
