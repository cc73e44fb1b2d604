// Sends a message to a queue and receives it.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

const sent = await client.queues.send({ channel: "example.send", body: "hello", tags: { from: "me" } });
console.log(`stored ${sent.id} at ${sent.sentAt.toISOString()}`);

const [message] = await client.queues.receive({ channel: "example.send" });
console.log(message?.text(), message?.tags);

/* prints:
stored … at …
hello { from: 'me' }
*/
