// A message that nobody receives in time expires.
import { setTimeout as sleep } from "node:timers/promises";
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = "example.expiration";

const sent = await client.queues.send({ channel, body: "fresh", policy: { expirationSeconds: 1 } });
if (sent.ok && sent.expiresAt !== undefined) console.log(`expires at ${sent.expiresAt.toISOString()}`);
console.log("waiting:", (await client.queues.peek({ channel })).length);

await sleep(1_200);
console.log("waiting after its time:", (await client.queues.peek({ channel })).length);

/* prints:
expires at …
waiting: 1
waiting after its time: 0
*/
