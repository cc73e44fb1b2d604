import {
  type Attributes,
  context,
  type Context,
  type Counter,
  type Histogram,
  type Link,
  type Meter,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { KubeMQError } from "./api/errors.js";
import type {
  Activity,
  ActivityOutcome,
  ObservedClient,
  ObservedMessage,
  Observer,
  Operation,
  Telemetry,
} from "./api/telemetry.js";
import { performance } from "node:perf_hooks";

/** Where spans and metrics go, and how contexts travel. */
export interface OpenTelemetryOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the global one at the time the client is created; set up the SDK first. */
  readonly meterProvider?: MeterProvider | undefined;
  /** Writes the context into the tags of messages and reads it from there. Default: the global one; SDKs for Node.js set that of W3C. */
  readonly propagator?: Pick<TextMapPropagator, "inject" | "extract" | "fields"> | undefined;
}

/**
 * Spans and metrics by OpenTelemetry's semantic conventions for messaging:
 *
 *     const client = new KubeMQClient({ telemetry: openTelemetry() });
 *
 * - Sending is a producer span, `publish CHANNEL` or `send CHANNEL`, whose context travels in the message's tags. Several messages in one
 *   send have a `create` span each, and the span of the send links to them.
 * - Working on a message is a consumer span, `process CHANNEL`, a child of the span that sent it. It begins when the loop or the handler
 *   gets the message. It ends when the handler has ended, or when the loop asks for the next message or is left; whether it is left
 *   by `break` or by an error cannot be known, so the span then has no error, but the attribute `messaging.kubemq.loop_left`.
 *   A batch has one span, which links to the senders of its messages. So has a `receive`.
 * - Settlements and responses are spans below the one that works on their message. A response carries its context back.
 * - A handler runs in the context of its span. The body of a loop does not, for a library cannot do that: see {@link contextOf}.
 * - Metrics: `messaging.client.sent.messages`, `messaging.client.consumed.messages`, `messaging.client.operation.duration`,
 *   `messaging.process.duration`, and beyond the conventions `messaging.kubemq.settled.messages` and
 *   `messaging.kubemq.redelivered.messages`.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  return { observe: (client) => new SpanObserver(client, options) };
}

/** Contexts of received messages; weak, so that a collected message frees its context. */
const contexts = new WeakMap<object, Context>();

/**
 * The context of a received message: that of the span that works on it, or else, as for the messages of `receive` and for answers to
 * queries, that of its sender. Run the body of a loop in it, so that the spans you make become its children:
 *
 *     for await (const event of client.events.subscribe({ channel })) {
 *       await context.with(contextOf(event), () => work(event));
 *     }
 */
export function contextOf(message: { readonly tags: Readonly<Record<string, string>> }): Context {
  return contexts.get(message) ?? propagation.extract(context.active(), message.tags);
}

const SCOPE = "kubemq-es";

/** The boundaries that the conventions ask for, in seconds. */
const advice = {
  explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
};

interface Instruments {
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly settled: Counter;
  readonly redelivered: Counter;
  readonly operationDuration: Histogram;
  readonly processDuration: Histogram;
}

function instrumentsOf(meter: Meter): Instruments {
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

class SpanObserver implements Observer {
  readonly propagator: NonNullable<OpenTelemetryOptions["propagator"]>;
  readonly instruments: Instruments;
  readonly #tracer: Tracer;
  readonly #server: Attributes;
  readonly #client: Attributes;

  constructor({ clientId, host, port }: ObservedClient, options: OpenTelemetryOptions) {
    this.propagator = options.propagator ?? globalPropagator;
    this.#tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
    this.instruments = instrumentsOf((options.meterProvider ?? metrics).getMeter(SCOPE));
    this.#server = { "messaging.system": "kubemq", "server.address": host, "server.port": port };
    this.#client = { "messaging.client.id": clientId };
  }

  begin(operation: Operation): Activity {
    const { type, name, channel, group, messages, startedAt, isBatch = false, created = [] } = operation;
    const isRead = type === "process" || type === "receive";
    const senders = isRead || type === "settle" ? messages.map((message) => this.#sender(message)) : [];
    const [sender] = senders;
    const isChild = type === "process" && !isBatch && sender !== undefined;
    const parent = isChild ? sender : parentOf(messages);
    const before = created.map((activity) => (activity instanceof SpanActivity ? activity.context : ROOT_CONTEXT));
    const facts: Attributes = {
      ...this.#server,
      "messaging.operation.type": type,
      "messaging.operation.name": name,
      ...(channel === undefined ? {} : { "messaging.destination.name": channel }),
      ...(group === undefined ? {} : { "messaging.consumer.group.name": group }),
    };
    const options = {
      kind: kindOf(type, isBatch),
      attributes: { ...facts, ...this.#client, ...attributesOf(operation) },
      links: linksTo(isChild ? before : [...before, ...senders]),
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    };
    const span = this.#tracer.startSpan(channel === undefined ? name : `${name} ${channel}`, options, parent);
    const activity = new SpanActivity(this, operation, facts, span, trace.setSpan(parent, span));
    if (isRead) this.#consumed(operation, facts, activity, senders);
    return activity;
  }

  #consumed({ type, name, messages }: Operation, facts: Attributes, activity: SpanActivity, senders: Context[]): void {
    for (const [at, message] of messages.entries()) {
      contexts.set(message, type === "process" ? activity.context : (senders[at] ?? ROOT_CONTEXT));
    }
    if (name === "peek") return; // peeked messages stay in the queue
    if (messages.length > 0) this.instruments.consumed.add(messages.length, facts);
    const again = messages.filter(({ receiveCount = 1 }) => receiveCount > 1).length;
    if (again > 0) this.instruments.redelivered.add(again, facts);
  }

  #sender({ tags }: ObservedMessage): Context {
    return tags === undefined ? ROOT_CONTEXT : this.propagator.extract(ROOT_CONTEXT, tags, tagReader);
  }

  /** Context of the response to a request. */
  linkTo(span: Span, tags: Readonly<Record<string, string>>): void {
    for (const link of linksTo([this.#sender({ channel: "", tags })])) span.addLink(link);
  }
}

class SpanActivity implements Activity {
  readonly context: Context;
  readonly #observer: SpanObserver;
  readonly #operation: Operation;
  readonly #facts: Attributes;
  readonly #span: Span;
  readonly #startedAt: number;

  constructor(observer: SpanObserver, operation: Operation, facts: Attributes, span: Span, own: Context) {
    this.context = own;
    this.#observer = observer;
    this.#operation = operation;
    this.#facts = facts;
    this.#span = span;
    const { startedAt } = operation;
    this.#startedAt = performance.now() - (startedAt === undefined ? 0 : Date.now() - startedAt);
  }

  carry(tags: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { propagator } = this.#observer;
    const injected: Record<string, string> = {};
    propagator.inject(this.context, injected, tagWriter);
    const carried = { ...tags };
    // Tags copied from a received message may hold its context; remove it, a stale tracestate would mix in.
    if (Object.keys(injected).length > 0) for (const field of propagator.fields()) delete carried[field];
    return Object.assign(carried, injected);
  }

  run<T>(work: () => T): T {
    return context.with(this.context, work);
  }

  end({ failure, ok, responseTags, count, loopLeft }: ActivityOutcome = {}): void {
    const span = this.#span;
    if (count !== undefined) span.setAttribute("messaging.batch.message_count", count);
    if (ok !== undefined) span.setAttribute("messaging.kubemq.executed", ok);
    if (loopLeft === true) span.setAttribute("messaging.kubemq.loop_left", true);
    if (responseTags !== undefined) this.#observer.linkTo(span, responseTags);
    let facts = this.#facts;
    if (failure !== undefined) {
      const { error } = failure;
      facts = { ...facts, "error.type": errorType(error) };
      const message = error instanceof Error ? error.message : String(error);
      span.setAttribute("error.type", errorType(error));
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      if (error instanceof Error) span.recordException(error);
    }
    span.end();
    this.#measure(facts, count ?? this.#operation.messages.length);
  }

  #measure(facts: Attributes, count: number): void {
    const { instruments } = this.#observer;
    const { type } = this.#operation;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    if (type === "create") return;
    if (type === "process") instruments.processDuration.record(seconds, facts, this.context);
    else instruments.operationDuration.record(seconds, facts, this.context);
    if (type === "send") instruments.sent.add(count, facts, this.context);
    if (type === "settle") instruments.settled.add(count, facts, this.context);
  }
}

/** Parent of a settlement or response: the active span if it is in the trace of the message, else the process span. */
function parentOf([message]: readonly ObservedMessage[]): Context {
  const active = context.active();
  const own = message === undefined ? undefined : contexts.get(message);
  if (own === undefined) return active;
  return trace.getSpanContext(active)?.traceId === trace.getSpanContext(own)?.traceId ? active : own;
}

function kindOf(type: Operation["type"], isBatch: boolean): SpanKind {
  if (type === "process") return SpanKind.CONSUMER;
  return type === "create" || (type === "send" && !isBatch) ? SpanKind.PRODUCER : SpanKind.CLIENT;
}

function attributesOf({ pattern, messages, isBatch = false }: Operation): Attributes {
  const attributes: Attributes = { "messaging.kubemq.pattern": pattern };
  const [message] = messages;
  if (isBatch) {
    attributes["messaging.batch.message_count"] = messages.length;
    return attributes;
  }
  if (message === undefined) return attributes;
  const { id, sequence, receiveCount } = message;
  if (id !== undefined) {
    attributes["messaging.message.id"] = id;
    if (pattern === "commands" || pattern === "queries") attributes["messaging.message.conversation_id"] = id;
  }
  if (sequence !== undefined) attributes["messaging.kubemq.message.sequence"] = Number(sequence);
  if (receiveCount !== undefined) attributes["messaging.kubemq.message.delivery_count"] = receiveCount;
  return attributes;
}

function linksTo(linked: readonly Context[]): Link[] {
  const links: Link[] = [];
  for (const each of linked) {
    const spanContext = trace.getSpanContext(each);
    if (spanContext !== undefined) links.push({ context: spanContext });
  }
  return links;
}

function errorType(error: unknown): string {
  if (KubeMQError.is(error)) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}

/** The global propagator, looked up at each use. */
const globalPropagator: NonNullable<OpenTelemetryOptions["propagator"]> = {
  inject: (from, carrier, setter) => propagation.inject(from, carrier, setter),
  extract: (to, carrier, getter) => propagation.extract(to, carrier, getter),
  fields: () => propagation.fields(),
};

const tagReader = {
  get: (tags: Readonly<Record<string, string>>, key: string) => (Object.hasOwn(tags, key) ? tags[key] : undefined),
  keys: (tags: Readonly<Record<string, string>>) => Object.keys(tags),
};

const tagWriter = {
  set: (tags: Record<string, string>, key: string, value: string) => {
    tags[key] = value;
  },
};
