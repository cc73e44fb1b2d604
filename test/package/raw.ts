// The raw protocol, whose types are those of protobuf-es and Connect.
import { create } from "@bufbuild/protobuf";
import { kubemq, EventSchema } from "kubemq-es/gen";

const event = create(EventSchema, { Channel: "orders", Metadata: "raw" });
console.log("service", kubemq.typeName, event.Channel);
