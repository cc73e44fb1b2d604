// Graceful shutdown: a signal stops the loops, the current message is finished and settled, then
// the client closes.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());

const channel = `jobs.${process.pid}`;
await client.queues.sendBatch(["one", "two", "three"].map((body) => ({ channel, body })));

for await (const job of client.queues.consume({ channel }, { signal: stop.signal })) {
  console.log("working on", job.text());
  process.kill(process.pid, "SIGTERM"); // the signal arrives while a message is being processed
  await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }));
  await job.ack(); // still accepted: the loop waits for it
  console.log("finished", job.text());
}

const left = await client.queues.peek({ channel, max: 10 });
console.log("left in the queue:", left.map((job) => job.text()).join(", "));

/* prints:
working on one
finished one
left in the queue: two, three
*/
