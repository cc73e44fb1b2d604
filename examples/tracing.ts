// Tracing: the spans of an order, from the request to the work on it, form one trace across client
// and queue.
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { KubeMQClient } from "kubemq-es";
import { contextOf, openTelemetry } from "kubemq-es/opentelemetry";
import { broker } from "./broker.js";

// `@opentelemetry/sdk-node` sets this up, with an exporter to a collector.
const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
const tracer = trace.getTracer("shop");

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address, telemetry: openTelemetry() });

await client.queues.send({ channel: "orders", body: "two books" });
for await (const order of client.queues.consume({ channel: "orders" })) {
  context.with(contextOf(order), () => tracer.startSpan(`pack ${order.text()}`).end());
  await order.ack();
  break;
}

const spans = exporter.getFinishedSpans(); // in the order they ended
const nameOf = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
for (const span of spans) console.log(span.name, "<-", nameOf.get(span.parentSpanContext?.spanId ?? ""));

/* prints:
send orders <- undefined
pack two books <- process orders
ack orders <- process orders
process orders <- send orders
*/
