import { firstMessage } from "./first-message.js";

await firstMessage(
  async () => ({ grpc: await import("@grpc/grpc-js"), service: await import("../grpc-js/gen/kubemq.js") }),
  ({ grpc, service }, address, onMessage) => {
    const client = new service.kubemqClient(address, grpc.credentials.createInsecure());
    const call = client.subscribeToEvents({
      SubscribeTypeData: service.Subscribe_SubscribeType.Events,
      ClientID: "bench-client",
      Channel: "bench.events",
      Group: "",
      EventsStoreTypeData: service.Subscribe_EventsStoreType.EventsStoreTypeUndefined,
      EventsStoreTypeValue: 0n,
    });
    call.once("data", onMessage);
  },
);
