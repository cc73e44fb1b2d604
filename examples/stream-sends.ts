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
  // The queue publisher rejects what the server refuses; a batch has a result for each message.
  await using publisher = client.queues.publisher();
  const { id } = await publisher.send({ id: "one", channel: "jobs", body: "stored once this resolves" });
  const results = await publisher.sendBatch(["a", "b"].map((body) => ({ channel: "jobs", body })));
  console.log("queued:", id, results.filter(({ ok }) => ok).length, await publisher.sendAll(readings("jobs")));
}

/* prints:
events: 1000
stored: first and 1000
queued: one 2 1000
*/
