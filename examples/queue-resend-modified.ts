// Sends a changed message in place of the received one.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
await client.queues.send({ channel: "example.draft", body: "hello" });

for await (const job of client.queues.consume({ channel: "example.draft", visibilitySeconds: 30 })) {
  await job.replace({ channel: "example.final", body: `${job.text()}, world`, tags: { changed: "yes" } });
  break;
}

const [changed] = await client.queues.receive({ channel: "example.final" });
console.log(changed?.text(), changed?.tags);

/* prints:
hello, world { changed: 'yes' }
*/
