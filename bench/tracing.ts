/**
 * What tracing costs for each message: published on a stream, carried by an embedded broker in the same process, and processed in a
 * loop. `off`: no telemetry. `no SDK`: telemetry, but nothing registered that takes it. `SDK`: every span is made, and dropped when it ends.
 * The modes take turns, so that what else the machine does befalls all alike; the median of their rounds counts, in processor time.
 *
 *     npx tsx bench/tracing.ts [messages a round, 20000 if left out] [rounds, 9]
 */
import { propagation, trace, type TracerProvider } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, NoopSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { KubeMQClient, type Telemetry } from "../src/index.js";
import { openTelemetry } from "../src/opentelemetry.js";
import { startBroker } from "../src/broker/index.js";

const count = Number(process.argv[2] ?? 20_000);
const rounds = Number(process.argv[3] ?? 9);
const body = new Uint8Array(100).fill(120);

propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const sdk: TracerProvider = new BasicTracerProvider({ spanProcessors: [new NoopSpanProcessor()] });
const modes: readonly { readonly name: string; readonly telemetry: Telemetry | undefined }[] = [
  { name: "off", telemetry: undefined },
  { name: "no SDK", telemetry: openTelemetry({ tracerProvider: trace }) },
  { name: "SDK", telemetry: openTelemetry({ tracerProvider: sdk }) },
];

/** Processor time for each message, in microseconds. */
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

const figures = new Map(modes.map(({ name }) => [name, [] as number[]]));
for (let n = 0; n <= rounds; n++) {
  for (const { name, telemetry } of modes) {
    await using broker = await startBroker();
    await using client = new KubeMQClient({ address: broker.address, ...(telemetry && { telemetry }) });
    const figure = await round(client, "bench");
    if (n > 0) figures.get(name)?.push(figure); // the first warms up
  }
}
for (const [name, all] of figures) {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
  console.log(`${name.padEnd(8)} ${at(0.5)} µs a message (${at(0)} to ${at(1)})`);
}
