import { context, propagation, trace, type AttributeValue } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import { KubeMQClient, type ClientOptions } from "kubemq-es";
import { openTelemetry, type OpenTelemetryOptions } from "kubemq-es/opentelemetry";
import { startBroker, type Broker } from "kubemq-es/testing";
import { Leftovers } from "../support/leftovers.js";
import { until } from "../support/until.js";

type Point = DataPoint<MetricData["dataPoints"][number]["value"]>;

/** The real SDK, set up as in an application, with an exporter that keeps its output in memory. */
export class TracedWorld {
  readonly broker: Broker;
  readonly client: KubeMQClient;
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 3_600_000 });

  readonly #leftovers: Leftovers;

  private constructor(broker: Broker, options: ClientOptions, tracing: OpenTelemetryOptions, leftovers: Leftovers) {
    this.#leftovers = leftovers;
    this.broker = broker;
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] }));
    const meterProvider = new MeterProvider({ readers: [this.#reader] });
    this.client = new KubeMQClient({
      address: broker.address,
      clientId: "tracer",
      telemetry: openTelemetry({ meterProvider, ...tracing }),
      ...options,
    });
  }

  static async start(options: ClientOptions = {}, tracing: OpenTelemetryOptions = {}): Promise<TracedWorld> {
    const leftovers = new Leftovers();
    return new TracedWorld(await startBroker(), options, tracing, leftovers);
  }

  /**
   * Waits for the expected number of spans with a name, and returns them in the order in which they
   * ended.
   */
  async spans(name: string, count = 1): Promise<ReadableSpan[]> {
    const found = () => this.#spans.getFinishedSpans().filter((span) => span.name === name);
    await until(`${count} of the span ${name}`, () => found().length >= count);
    if (found().length > count) throw new Error(`${found().length} spans ${name}, expected ${count}`);
    return found();
  }

  async span(name: string): Promise<ReadableSpan> {
    const [span] = await this.spans(name);
    if (span === undefined) throw new Error(`no span ${name}`);
    return span;
  }

  names(): string[] {
    return this.#spans.getFinishedSpans().map(({ name }) => name);
  }

  /** The data points of a metric for one channel or template, by operation. */
  async points(metric: string, place: string): Promise<Point[]> {
    await this.#reader.forceFlush();
    const last = this.#metrics.getMetrics().at(-1);
    const metrics = last?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    const points: Point[] = [];
    for (const { descriptor, dataPoints } of metrics) if (descriptor.name === metric) points.push(...dataPoints);
    const placeOf = ({ attributes }: Point) =>
      attributes["messaging.destination.template"] ?? attributes["messaging.destination.name"];
    return points.filter((point) => placeOf(point) === place);
  }

  /** The instrumentation scopes of all metrics. */
  async scopes(): Promise<unknown[]> {
    await this.#reader.forceFlush();
    return (
      this.#metrics
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.map(({ scope }) => ({ ...scope })) ?? []
    );
  }

  /** The count of a counter for one channel, by operation. */
  async counted(metric: string, channel: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { attributes, value } of await this.points(metric, channel)) {
      const name = String(attributes["messaging.operation.name"]);
      counts[name] = (counts[name] ?? 0) + (typeof value === "number" ? value : value.count);
    }
    return counts;
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.#leftovers.checkCalls(this.broker);
    await this.broker.close();
    await this.#reader.shutdown();
    trace.disable();
    propagation.disable();
    context.disable();
    await this.#leftovers.check();
  }
}

export function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}

export function idOf(span: ReadableSpan): string {
  return span.spanContext().spanId;
}

export function linksOf(span: ReadableSpan): string[] {
  return span.links.map(({ context }) => context.spanId);
}

export function attribute(span: ReadableSpan, name: string): AttributeValue | undefined {
  return span.attributes[name];
}
