import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { kubemq } from "../../gen/kubemq_pb.js";
import { startBroker } from "../../src/broker/index.js";

// Closes the broker while a delayed message, a receive and an AckAll have hours left.
const broker = await startBroker();
const client = createClient(kubemq, createGrpcTransport({ baseUrl: `http://${broker.address}` }));
await client.sendQueueMessage({ ClientID: "c", Channel: "q", Metadata: "x", Policy: { DelaySeconds: 40_000 } });
const waiting = Promise.allSettled([
  client.receiveQueueMessages({ ClientID: "c", Channel: "a", MaxNumberOfMessages: 1, WaitTimeSeconds: 3600 }),
  client.ackAllQueueMessages({ ClientID: "c", Channel: "b", WaitTimeSeconds: 3600 }),
]);
while ((broker.stats().streams["AckAllQueueMessages"] ?? 0) === 0)
  await new Promise((resolve) => setTimeout(resolve, 5));
await broker.close();
await waiting;
console.log("closed");
