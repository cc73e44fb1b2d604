/**
 * Imports the package where `@opentelemetry/api` is not installed: a resolve hook refuses it as
 * Node.js would. Sends an event to show that the client works, and imports
 * `kubemq-es/opentelemetry` to show that the hook works.
 */
import { register } from "node:module";

const hook = `
export async function resolve(specifier, context, next) {
  if (!specifier.startsWith("@opentelemetry/")) return next(specifier, context);
  throw Object.assign(new Error("Cannot find package '" + specifier + "'"), { code: "ERR_MODULE_NOT_FOUND" });
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const { KubeMQClient } = await import("../../src/index.js");
const { startBroker } = await import("../../src/broker/index.js");
await using broker = await startBroker();
await using client = await KubeMQClient.connect({ address: broker.address });
const loop = client.events.subscribe({ channel: "a" });
await loop.ready;
await client.events.publish({ channel: "a", body: "sent" });
for await (const event of loop) {
  console.log(event.text());
  break;
}
try {
  await import("../../src/opentelemetry.js");
  console.log("found");
} catch (error) {
  console.log(String(error));
}
console.log("done");
