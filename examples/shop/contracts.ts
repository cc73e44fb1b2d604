// What the two programs say to each other. This file opens no connection, and loads no client.
import { cloudEvent, json } from "kubemq-es/codec";
import { events, queue } from "kubemq-es/contracts";
import { z } from "zod";

const Order = z.object({ item: z.string(), count: z.number().int().positive(), customer: z.string() });
const Parcel = z.object({ item: z.string(), to: z.string() });

/** Work: schema and dead-letter policy are part of the contract. */
export const orders = queue("shop.orders", json(Order), {
  deadLetter: { queue: "shop.orders.failed", maxReceiveCount: 5 },
});

/** CloudEvents, on a channel for each country. */
export const shipped = events("shop.{country}.shipped", cloudEvent(json(Parcel)));

/** The service of rpc/proto/shop/v1/customers.proto, as buf generates it. */
export { CustomerService } from "../rpc/gen/shop/v1/customers_pb.js";
