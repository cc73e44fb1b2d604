// A group shares the events among its members: each event goes to one of them.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const stop = new AbortController();
const COUNT = 20;

const members = ["ann", "bob"].map((name) => {
  const events = client.events.subscribe({ channel: "jobs", group: "workers" }, { signal: stop.signal });
  return { name, events, taken: 0 };
});
await Promise.all(members.map(({ events }) => events.ready));

let missing = COUNT;
const working = members.map(async (member) => {
  for await (const _ of member.events) {
    member.taken += 1;
    if (--missing === 0) stop.abort();
  }
});

await using publisher = client.events.publisher();
await publisher.publishAll(Array.from({ length: COUNT }, (_, n) => ({ channel: "jobs", body: `job ${n}` })));
await Promise.all(working);

console.log(
  members.reduce((sum, { taken }) => sum + taken, 0),
  "events, each of them once",
);
console.log(
  "both members worked:",
  members.every(({ taken }) => taken > 0),
);

/* prints:
20 events, each of them once
both members worked: true
*/
