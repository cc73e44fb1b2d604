import { KubeMQClient } from "kubemq-es";

/**
 * Stores events of 10 kB as fast as the server accepts them. Arguments: address, channel, count.
 */
const [address = "", channel = "", count = "0"] = process.argv.slice(2);
const body = Buffer.alloc(10 * 1024, "x");

function* events() {
  for (let n = 0; n < Number(count); n++) yield { channel, body };
}

await using client = await KubeMQClient.connect({ address });
await using publisher = client.eventsStore.publisher();
await publisher.publishAll(events());
console.log("done");
