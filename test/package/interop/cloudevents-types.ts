// Checked by the compiler: the events of the package `cloudevents` and of this package go into one
// another.
import { CloudEvent, type CloudEventV1 } from "cloudevents";
import { cloudEvent, json, type CloudEvent as Received, type OutgoingCloudEvent } from "kubemq-es/codec";

const Order = cloudEvent(json<{ total: number }>());

export function sent(event: CloudEvent<{ total: number }>, literal: CloudEventV1<{ total: number }>): Uint8Array[] {
  const outgoing: OutgoingCloudEvent<{ total: number }> = event;
  // @ts-expect-error the data has a total
  Order.encode(new CloudEvent<string>({ type: "t", source: "/", data: "x" }));
  return [Order.encode(event), Order.encode(literal), Order.encode(outgoing)];
}

export function received(event: Received<{ total: number }>): CloudEvent<{ total: number }> {
  const literal: CloudEventV1<{ total: number }> = event;
  return new CloudEvent<{ total: number }>(literal);
}
