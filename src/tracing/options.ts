import type { MeterProvider, TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import type { ChannelKind } from "../api/server.js";

/** A template of channel names, as `channel("order-{id}")` and contracts with parameters are. */
export interface DestinationTemplate {
  /** The name with its parameters in braces. */
  readonly template: string;
  /** Returns undefined for a channel that the template does not describe. */
  parse(channel: string): unknown;
}

/** Where spans and metrics go, how contexts travel, and what spans contain. */
export interface OpenTelemetryOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the global one at the time the client is created; set up the SDK first. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Writes the context into the tags of messages and reads it from there. Default: the global one;
   * SDKs for Node.js set that of W3C.
   */
  readonly propagator?: Pick<TextMapPropagator, "inject" | "extract" | "fields"> | undefined;
  /**
   * Templates of channel names, for a program with many channels. Names of spans and attributes of
   * metrics contain the template (`messaging.destination.template`) and not the channel; spans have
   * both. The first template that describes a channel counts; a function returns undefined for a
   * channel whose own name is good.
   *
   * The messages of a subscription with a wildcard have its channel, such as `orders.*`, as their
   * template, unless one is given here.
   *
   * @default none
   * @example
   * openTelemetry({ destinationTemplates: [channel("order-{id}")] });
   * openTelemetry({ destinationTemplates: (name) => (name.startsWith("reply.") ? "reply.{id}" : undefined) });
   */
  readonly destinationTemplates?:
    readonly DestinationTemplate[] | ((channel: string, pattern: ChannelKind) => string | undefined) | undefined;
  /**
   * How long a queue message or a stored event may have waited for its `process` span to be a child
   * of its sender's span, in seconds. The span of an older message belongs to the active trace, or
   * begins one, because the sender's trace has long been sampled. Links lead to the sender in both
   * cases. 0: only links. Infinity: always a child. Compares the clocks of the server and of this
   * machine.
   *
   * @default 60
   */
  readonly childWithinSeconds?: number | undefined;
  /**
   * Whether spans of single messages have `messaging.message.body.size`, which the conventions make
   * optional. A body that a codec encodes has it at the receiver only.
   *
   * @default false
   */
  readonly recordBodySize?: boolean | undefined;
}
