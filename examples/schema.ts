// Typed payloads: any Standard Schema library validates and types received messages.
import { json, KubeMQClient, KubeMQError } from "kubemq-es";
import { z } from "zod";
import { broker } from "./broker.js";

const Order = z.object({ item: z.string(), count: z.number().int().positive() });
const orders = json(Order);

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = `orders.${process.pid}`;

await client.queues.send({ channel, body: { item: "book", count: 2 }, codec: orders });
await client.queues.send({ channel, body: JSON.stringify({ item: "pen", count: -1 }) }); // sent without a schema

let received = 0;
for await (const order of client.queues.consume({ channel, codec: orders })) {
  try {
    const { item, count } = order.value; // decoded here, and typed: { item: string; count: number }
    console.log("order for", count, item);
  } catch (error) {
    if (!KubeMQError.is(error, "DECODE_FAILED")) throw error;
    console.log("refused", order.text());
  }
  await order.ack();
  if (++received === 2) break;
}

/* prints:
order for 2 book
refused {"item":"pen","count":-1}
*/
