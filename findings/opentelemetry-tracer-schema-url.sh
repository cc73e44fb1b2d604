#!/usr/bin/env bash
# trace.getTracer() of @opentelemetry/api 1.9.1 drops the schema URL; the provider behind it, and metrics.getMeter(), keep it.
#
# The API says that a tracer has a name, a version and options with a schemaUrl, which tells a backend the version of the semantic
# conventions in its attributes. TracerProvider.getTracer() takes the three arguments. The entry point that libraries use,
# trace.getTracer(), declares only two and ignores the third without a word: spans arrive without a schema URL, the metrics of the
# same library with one. An instrumentation must call trace.getTracerProvider().getTracer().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/api@1.9.1 @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/sdk-metrics@2.12.1 >/dev/null 2>&1
cat >run.mjs <<'JS'
import { metrics, trace } from "@opentelemetry/api";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const spans = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
const meters = new MeterProvider({ readers: [reader] });
metrics.setGlobalMeterProvider(meters);

const options = { schemaUrl: "https://opentelemetry.io/schemas/1.38.0" };
trace.getTracer("library", "1.0.0", options).startSpan("by the API").end();
trace.getTracerProvider().getTracer("library", "1.0.0", options).startSpan("by the provider").end();
metrics.getMeter("library", "1.0.0", options).createCounter("messages").add(1);
await meters.forceFlush();

const [byApi, byProvider] = spans.getFinishedSpans().map((span) => span.instrumentationScope.schemaUrl);
const byMeter = exporter.getMetrics()[0].scopeMetrics[0].scope.schemaUrl;
await meters.shutdown();
console.log(`trace.getTracer:                     ${byApi}`);
console.log(`trace.getTracerProvider().getTracer: ${byProvider}`);
console.log(`metrics.getMeter:                    ${byMeter}`);
const { schemaUrl } = options;
process.exit(byApi === undefined && byProvider === schemaUrl && byMeter === schemaUrl ? 0 : 1);
JS
node run.mjs || { echo "CHANGED: the schema URL of a tracer"; exit 1; }
echo "trace.getTracer of @opentelemetry/api 1.9.1 drops the schema URL"
