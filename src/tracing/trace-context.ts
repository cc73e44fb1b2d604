import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";

/** The properties of a message in which senders put their trace context. */
export interface Carrier {
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly span?: Uint8Array | undefined;
}

type Extract = Pick<TextMapPropagator, "extract">;
type Fields = Readonly<Record<string, string>>;

/** A larger Span field is no trace context: W3C limits tracestate to 512 characters. */
const MAX_SPAN_BYTES = 4096;

/**
 * The context of a message's sender, from the first of these that has a valid one:
 *
 * 1. the tags, by the propagator: this package, Python, NestJS, Watermill 2. the Span field of
 * requests and responses, in the formats of the SDKs of 2026: a JSON object of the propagator's
 * keys (Python), one of `traceId`, `spanId`, `traceFlags` and `traceState` (NestJS), or
 * `traceparent`, a line feed and `tracestate` (C#) 3. the tags `kubemq-traceparent` and
 * `kubemq-tracestate` (Spring)
 *
 * A malformed one is ignored.
 */
export function senderOf({ tags, span }: Carrier, propagator: Extract): Context {
  return (
    (tags === undefined ? undefined : extracted(tags, propagator)) ??
    (span === undefined ? undefined : fromSpan(span, propagator)) ??
    (tags === undefined ? undefined : parsed(own(tags, "kubemq-traceparent"), own(tags, "kubemq-tracestate"))) ??
    ROOT_CONTEXT
  );
}

function extracted(fields: Fields, propagator: Extract): Context | undefined {
  const found = propagator.extract(ROOT_CONTEXT, fields, fieldReader);
  const spanContext = trace.getSpanContext(found);
  if (spanContext !== undefined && isSpanContextValid(spanContext)) return found;
  return found === ROOT_CONTEXT || spanContext !== undefined ? undefined : found; // it may carry baggage alone
}

function fromSpan(span: Uint8Array, propagator: Extract): Context | undefined {
  if (span.byteLength > MAX_SPAN_BYTES) return undefined; // promise: trace-span-bounded
  const content = new TextDecoder().decode(span);
  if (!content.startsWith("{")) {
    const [traceparent, tracestate] = content.split("\n");
    return parsed(traceparent, tracestate);
  }
  const fields = stringsOf(content);
  const { traceId, spanId, traceFlags, traceState, traceparent, tracestate } = fields;
  if (traceId !== undefined) return contextOf({ traceId, spanId, flags: Number(traceFlags), traceState });
  return parsed(traceparent, tracestate) ?? extracted(fields, propagator);
}

/** The properties of a JSON object that are strings or numbers, as strings. */
function stringsOf(content: string): Fields {
  try {
    const entries = Object.entries(JSON.parse(content) as object);
    return Object.fromEntries(
      entries.flatMap(([name, value]: [string, unknown]) =>
        typeof value === "string" || typeof value === "number" ? [[name, String(value)]] : [],
      ),
    );
  } catch {
    return {};
  }
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;

function parsed(traceparent: string | undefined, tracestate: string | undefined): Context | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent?.trim() ?? "") ?? [];
  return contextOf({ traceId, spanId, flags: Number.parseInt(flags ?? "", 16), traceState: tracestate });
}

interface Parts {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly flags: number;
  readonly traceState: string | undefined;
}

function contextOf({ traceId = "", spanId = "", flags, traceState = "" }: Parts): Context | undefined {
  const spanContext: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.isInteger(flags) ? flags & 0xff : 0,
    isRemote: true,
    ...(traceState === "" ? {} : { traceState: createTraceState(traceState) }),
  };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : undefined;
}

function own(fields: Fields, key: string): string | undefined {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

const fieldReader = { get: own, keys: (fields: Fields) => Object.keys(fields) };
