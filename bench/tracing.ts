/**
 * Measures the cost of tracing per message: published on a stream, delivered by an embedded broker
 * in the same process, and processed in a loop. The modes alternate, so that other work on the
 * machine affects all of them.
 */
import { propagation, trace, type TracerProvider } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, NoopSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { KubeMQClient, type Telemetry } from "../src/index.js";
import { openTelemetry } from "../src/opentelemetry.js";
import { startBroker } from "../src/broker/index.js";
import type { TracingSamples } from "./suites/tracing.js";

const count = Number(process.argv[2]);
const rounds = Number(process.argv[3]);
const body = new Uint8Array(100).fill(120);

propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const sdk: TracerProvider = new BasicTracerProvider({ spanProcessors: [new NoopSpanProcessor()] });
const modes: readonly (readonly [mode: string, telemetry: Telemetry | undefined])[] = [
  ["off", undefined],
  ["off once more: the noise", undefined],
  ["on, no SDK registered", openTelemetry({ tracerProvider: trace })],
  ["on, each span made and dropped", openTelemetry({ tracerProvider: sdk })],
];

/** CPU time per message, in microseconds. */
async function round(client: KubeMQClient, channel: string): Promise<number> {
  const start = process.cpuUsage();
  await using publisher = client.eventsStore.publisher();
  const loop = client.eventsStore.subscribe({ channel, start: { from: "first" } });
  const consumed = (async () => {
    let seen = 0;
    for await (const _event of loop) if (++seen === count) break;
  })();
  await publisher.publishAll(Array.from({ length: count }, () => ({ channel, body })));
  await consumed;
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}

const samples: TracingSamples = Object.fromEntries(modes.map(([mode]) => [mode, []]));
for (let n = 0; n <= rounds; n++) {
  for (const [mode, telemetry] of modes) {
    await using broker = await startBroker();
    await using client = new KubeMQClient({ address: broker.address, ...(telemetry && { telemetry }) });
    const figure = await round(client, "bench");
    if (n > 0) samples[mode]?.push(figure); // the first warms up
  }
}
process.on("disconnect", () => process.exit());
process.send?.(samples);
