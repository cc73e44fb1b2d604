// Wildcards: `*` matches one part between dots, a final `>` matches one or more.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

const oneLevel = client.events.subscribe({ channel: "orders.*" });
const everything = client.events.subscribe({ channel: "orders.>" });
await Promise.all([oneLevel.ready, everything.ready]);

for (const channel of ["orders.eu", "orders.eu.paris", "orders.us"]) {
  await client.events.publish({ channel, body: "a book" });
}

for await (const { channel } of oneLevel) {
  console.log("orders.*", channel);
  if (channel === "orders.us") break;
}
for await (const { channel } of everything) {
  console.log("orders.>", channel);
  if (channel === "orders.us") break;
}

/* prints:
orders.* orders.eu
orders.* orders.us
orders.> orders.eu
orders.> orders.eu.paris
orders.> orders.us
*/
