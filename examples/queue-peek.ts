// Shows the waiting messages of a queue without receiving them.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.peek";
await client.queues.sendBatch(["a", "b"].map((body) => ({ channel, body })));

const seen = await client.queues.peek({ channel, max: 2 });
console.log(
  "seen:",
  seen.map((message) => message.text()),
);
const taken = await client.queues.receive({ channel, max: 2 });
console.log(
  "still there:",
  taken.map((message) => message.text()),
);

/* prints:
seen: [ 'a', 'b' ]
still there: [ 'a', 'b' ]
*/
