// A user's program, compiled by several versions of TypeScript against the installed package, and
// run on several versions of Node.js.
import { KubeMQClient, KubeMQError, json, type Delivery, type StoredEvent, type Subscription } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";

interface Order {
  readonly item: string;
  readonly count: number;
}

await using broker = await startBroker({ port: 0 });
await using client = await KubeMQClient.connect({ address: broker.address });
const stop = new AbortController();

const events = client.events.subscribe({ channel: "orders.*", codec: json<Order>() }, { signal: stop.signal });
await events.ready;
await client.events.publish({ channel: "orders.eu", body: { item: "book", count: 2 }, codec: json<Order>() });
for await (const event of events) {
  const { item, count }: Order = event.value;
  console.log("event", item, count);
  break;
}

await client.eventsStore.publish({ channel: "log", body: "stored" });
const stored: Subscription<StoredEvent> = client.eventsStore.subscribe({ channel: "log", start: { from: "first" } });
for await (const event of stored) {
  const sequence: bigint = event.sequence;
  console.log("stored", sequence, event.text());
  break;
}

await client.queues.send({ channel: "jobs", body: "work", policy: { delaySeconds: 1 } });
for await (const job of client.queues.consume({ channel: "jobs" }, { signal: stop.signal })) {
  const delivery: Delivery = job;
  console.log("job", delivery.text());
  await delivery.ack();
  break;
}

try {
  await client.queries.send({ channel: "nobody", body: "?" }, { timeoutMs: 100 });
} catch (error) {
  if (!KubeMQError.is(error, "TIMEOUT")) throw error;
  const code: "TIMEOUT" = error.code;
  console.log("query", code);
  console.log("classes", KubeMQClient.name, error.constructor.name);
}
