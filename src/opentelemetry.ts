import { checkNumber } from "./support/checks.js";
import { checkKnown } from "./support/names/known.js";
import type { Context } from "@opentelemetry/api";
import type { Telemetry } from "./api/telemetry.js";
import type { OpenTelemetryOptions } from "./tracing/options.js";
import { contexts, globalPropagator, SpanObserver } from "./tracing/span-observer.js";
import { senderOf } from "./tracing/trace-context.js";

export type { DestinationTemplate, OpenTelemetryOptions } from "./tracing/options.js";

/**
 * Spans and metrics by OpenTelemetry's semantic conventions for messaging, version 1.45.
 *
 * - Sending is a producer span, `publish CHANNEL` or `send CHANNEL`, whose context travels in the
 * message's tags. Several messages in one send have a `create` span each, and the span of the send
 * links to them.
 * - Working on a message is a consumer span, `process CHANNEL`, with a link to the span that sent
 *   it. It is a child of that span, unless the message waited for long (`childWithinSeconds`). It
 *   begins when the loop or the handler gets the message, and ends when the handler has ended, or
 *   when the loop asks for the next message or is left. Whether it is left by `break` or by an
 *   error cannot be known: the span then has no error, but the attribute
 *   `messaging.kubemq.loop_left`. A batch has one span, which links to the senders of its messages.
 *   So has a `receive`.
 * - Settlements and responses are spans below the one that works on their message. A response
 *   carries its context back.
 * - A handler runs in the context of its span. The body of a loop does not, because a library
 *   cannot do that: see {@link contextOf}.
 * - Metrics: `messaging.client.sent.messages`, `messaging.client.consumed.messages`,
 *   `messaging.client.operation.duration`, `messaging.process.duration`, and beyond the conventions
 *   `messaging.kubemq.settled.messages` and `messaging.kubemq.redelivered.messages`.
 *
 * @example
 * const client = new KubeMQClient({ telemetry: openTelemetry() });
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const subject = { operation: "openTelemetry" };
  checkKnown(subject, "", options, OPTIONS);
  const { childWithinSeconds = 0 } = options;
  checkNumber(subject, "childWithinSeconds", childWithinSeconds, 0, Infinity);
  return { observe: (client) => new SpanObserver(client, options) };
}

const OPTIONS = [
  "tracerProvider",
  "meterProvider",
  "propagator",
  "destinationTemplates",
  "childWithinSeconds",
  "recordBodySize",
] satisfies (keyof OpenTelemetryOptions)[];

/**
 * The context of a received message: that of the span that works on it, or else, as for the
 * messages of `receive` and for answers to queries, that of its sender.
 *
 * @example
 * // Run the body of a loop in it, so that the spans you make become its children.
 * for await (const event of client.events.subscribe({ channel: "orders" })) {
 *   await context.with(contextOf(event), () => work(event));
 * }
 */
export function contextOf(message: {
  readonly tags: Readonly<Record<string, string>>;
  readonly span?: Uint8Array;
}): Context {
  return contexts.get(message) ?? senderOf(message, globalPropagator);
}
