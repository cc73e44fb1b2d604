// A group shares events: each event goes to one member.
import { KubeMQClient } from "kubemq-es";
import { broker } from "./broker.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const stop = new AbortController();
let missing = 20;

const join = () => client.events.subscribe({ channel: "jobs", group: "workers" }, { signal: stop.signal });
const members = [join(), join()];
await Promise.all(members.map(({ ready }) => ready));

await using publisher = client.events.publisher();
await publisher.publishAll(Array.from({ length: missing }, (_, n) => ({ channel: "jobs", body: `job ${n}` })));

const work = async (member: (typeof members)[number]) => {
  let taken = 0;
  for await (const _ of member) {
    taken += 1;
    if (--missing === 0) stop.abort();
  }
  return taken;
};
const [ann = 0, bob = 0] = await Promise.all(members.map(work));
console.log(ann + bob, "events, each of them once");
console.log("both members worked:", ann > 0 && bob > 0);

/* prints:
20 events, each of them once
both members worked: true
*/
