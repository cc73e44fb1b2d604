// Works on orders: asks the storefront for the address, announces the parcel, and acknowledges.
import { createClient } from "@connectrpc/connect";
import { KubeMQClient, optionsFromEnv } from "kubemq-es";
import { kubemqTransport } from "kubemq-es/connect";
import { CustomerService, orders, shipped } from "./contracts.js";

await using client = await KubeMQClient.connect(optionsFromEnv());
const customers = createClient(CustomerService, kubemqTransport(client));

for await (const order of client.queues.consume(orders)) {
  const { item, count, customer } = order.value; // { item: string; count: number; customer: string }
  const { address, country } = await customers.getAddress({ name: customer }, { timeoutMs: 2_000 });
  console.log("warehouse:", count, item, "to", address);

  await client.events.publish(shipped.for({ country }), {
    id: order.id,
    source: "/warehouse",
    type: "parcel.shipped",
    data: { item, to: address },
  });
  await order.ack();
  break; // one order is enough for an example
}
