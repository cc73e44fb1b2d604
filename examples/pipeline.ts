// A subscription is an async iterable: `pipeline` connects it to Node streams and a file, with
// back-pressure.
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { text } from "node:stream/consumers";
import { KubeMQClient, type StoredEvent } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const channel = `log.${process.pid}`;
await using publisher = client.eventsStore.publisher();
await publisher.publishAll(Array.from({ length: 1_000 }, (_, n) => ({ channel, body: `line ${n}` })));

const folder = await mkdtemp(join(tmpdir(), "kubemq-es-"));
const file = join(folder, "events.gz");
await pipeline(
  client.eventsStore.subscribe({ channel, start: { from: "first" } }),
  async function* (events: AsyncIterable<StoredEvent>) {
    for await (const event of events) {
      yield `${event.sequence} ${event.text()}\n`;
      if (event.sequence === 1_000n) return; // leaving the loop ends the subscription
    }
  },
  createGzip(),
  createWriteStream(file),
);
const lines = (await text(createReadStream(file).pipe(createGunzip()))).trim().split("\n");
console.log(lines.length, "lines, the last:", lines.at(-1));
await rm(folder, { recursive: true });

/* prints:
1000 lines, the last: 1000 line 999
*/
