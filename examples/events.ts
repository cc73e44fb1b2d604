// Publish and subscribe: an event goes to everyone subscribed at that moment.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

const events = client.events.subscribe({ channel: "orders" });
await events.ready;

await client.events.publish({ channel: "orders", body: "two books", tags: { country: "FR" } });
await client.events.publish({ channel: "orders", body: "one pen", metadata: "urgent" });

let received = 0;
for await (const event of events) {
  console.log(event.channel, event.text(), event.metadata, event.tags);
  if (++received === 2) break;
}

/* prints:
orders two books  { country: 'FR' }
orders one pen urgent {}
*/
