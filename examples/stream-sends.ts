// Sends many messages over one stream: a publisher is many times as fast as one call per message.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

// An async iterable is published as fast as the server accepts it.
async function* readings(channel: string) {
  for (let n = 0; n < 1_000; n++) yield { channel, body: `reading ${n}` };
}

{
  await using publisher = client.events.publisher();
  console.log("events:", await publisher.publishAll(readings("sensor")));
}
{
  await using publisher = client.eventsStore.publisher();
  const { id } = await publisher.publish({ id: "first", channel: "sensor", body: "stored once this resolves" });
  console.log("stored:", id, "and", await publisher.publishAll(readings("sensor")));
}
{
  // The queue publisher sends batches; the result of each message reports whether it was stored.
  await using publisher = client.queues.publisher();
  const messages = Array.from({ length: 500 }, (_, n) => ({ channel: "jobs", body: `job ${n}` }));
  const results = await Promise.all([publisher.send(messages), publisher.send({ channel: "jobs", body: "one more" })]);
  console.log("queued:", results.flat().filter((result) => result.ok).length);
}

/* prints:
events: 1000
stored: first and 1000
queued: 501
*/
