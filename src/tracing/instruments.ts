import type { Counter, Histogram, Meter } from "@opentelemetry/api";

/** The histogram boundaries that the conventions recommend, in seconds. */
const advice = {
  explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
};

export interface Instruments {
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly settled: Counter;
  readonly redelivered: Counter;
  readonly operationDuration: Histogram;
  readonly processDuration: Histogram;
}

export function instrumentsOf(meter: Meter): Instruments {
  const counter = (name: string, description: string) => meter.createCounter(name, { description, unit: "{message}" });
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { description, unit: "s", advice });
  return {
    sent: counter("messaging.client.sent.messages", "Messages that were to be sent"),
    consumed: counter("messaging.client.consumed.messages", "Messages that were given to the application"),
    settled: counter("messaging.kubemq.settled.messages", "Messages that were to be settled"),
    redelivered: counter("messaging.kubemq.redelivered.messages", "Of the consumed, those that were delivered before"),
    operationDuration: histogram(
      "messaging.client.operation.duration",
      "How long sends, receives and settlements took",
    ),
    processDuration: histogram("messaging.process.duration", "How long the application worked on messages"),
  };
}
