// A command: a responder carries it out, or reports why it did not.
import { KubeMQClient, KubeMQError } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });

// The responder: returning means ok, throwing means not ok.
const stop = new AbortController();
const handling = client.commands.handle(
  { channel: "door", group: "doors" },
  (command) => {
    if (command.text() !== "open") throw new Error(`a door cannot ${command.text()}`);
  },
  { signal: stop.signal, concurrency: 4 },
);
await client.ping();

for (const body of ["open", "sing"]) {
  const result = await client.commands.send({ channel: "door", body }, { timeoutMs: 2_000 });
  console.log(result.ok ? `${body}: done` : `${body}: not done, ${result.error}`);
}

// Nobody responds on this channel.
try {
  await client.commands.send({ channel: "window", body: "open" }, { timeoutMs: 200 });
} catch (error) {
  if (!KubeMQError.is(error, "TIMEOUT")) throw error;
  console.log("window: nobody answered");
}

stop.abort();
await handling;

/* prints:
open: done
sing: not done, a door cannot sing
window: nobody answered
*/
