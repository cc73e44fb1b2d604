// A worker pool: `process` runs a handler for several messages at once. It acknowledges a message
// when the handler returns, and rejects it when the handler throws.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const stop = new AbortController();
const channel = `pictures.${process.pid}`;

await client.queues.sendBatch(Array.from({ length: 12 }, (_, n) => ({ channel, body: `picture ${n}` })));

let running = 0;
let most = 0;
let done = 0;
await client.queues.process(
  { channel, prefetch: 4 },
  async (job) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 50));
    running -= 1;
    if (job.text() === "picture 3" && job.receiveCount === 1) throw new Error("the disk is full"); // delivered again
    if (++done === 12) stop.abort();
  },
  { concurrency: 4, signal: stop.signal },
);

console.log(`${done} pictures, at most ${most} at once`);

/* prints:
12 pictures, at most 4 at once
*/
