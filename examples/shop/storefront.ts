// Takes an order, answers questions about its customers, and hears of parcels in any country.
import { Code, ConnectError } from "@connectrpc/connect";
import { KubeMQClient, optionsFromEnv } from "kubemq-es";
import { serve } from "kubemq-es/connect";
import { CustomerService, orders, shipped } from "./contracts.js";

await using client = await KubeMQClient.connect(optionsFromEnv());

await using customers = serve(client, CustomerService, {
  getAddress({ name }) {
    if (name === "Ada") return { address: "Rua Augusta 7, Lisboa", country: "pt" };
    throw new ConnectError(`no customer ${name}`, Code.NotFound);
  },
});
const parcels = client.events.subscribe(shipped.all);
await Promise.all([customers.ready, parcels.ready]);

await client.queues.send(orders, { item: "chair", count: 2, customer: "Ada" });
console.log("storefront: ordered");

for await (const { channel, value: event } of parcels) {
  console.log("storefront:", event.type, "in", shipped.parse(channel)?.country, event.data);
  break;
}
