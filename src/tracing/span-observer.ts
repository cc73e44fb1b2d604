import {
  type Attributes,
  context,
  type Context,
  type Link,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { KubeMQError } from "../api/errors.js";
import type {
  Activity,
  ActivityOutcome,
  ObservedClient,
  ObservedMessage,
  Observer,
  Operation,
} from "../api/telemetry.js";
import { performance } from "node:perf_hooks";
import { templateOf, type TemplateOf } from "./destinations.js";
import { type Instruments, instrumentsOf } from "./instruments.js";
import type { OpenTelemetryOptions } from "./options.js";
import { type Carrier, senderOf } from "./trace-context.js";
import { SCHEMA_URL, SCOPE, VERSION } from "./version.js";

/** Contexts of received messages; weak, so that a collected message frees its context. */
export const contexts = new WeakMap<object, Context>();

/** Records the operations of one client as spans and metrics. */
export class SpanObserver implements Observer {
  readonly propagator: NonNullable<OpenTelemetryOptions["propagator"]>;
  readonly instruments: Instruments;
  readonly #tracer: Tracer;
  readonly #client: ObservedClient;
  readonly #templateOf: TemplateOf;
  readonly #childWithinMs: number;
  readonly #recordsBodySize: boolean;

  constructor(client: ObservedClient, options: OpenTelemetryOptions) {
    this.propagator = options.propagator ?? globalPropagator;
    const scope = [SCOPE, VERSION, { schemaUrl: SCHEMA_URL }] as const;
    // Not `trace.getTracer`: version 1.9 of the API drops its third argument.
    this.#tracer = (options.tracerProvider ?? trace.getTracerProvider()).getTracer(...scope);
    this.instruments = instrumentsOf((options.meterProvider ?? metrics).getMeter(...scope));
    this.#templateOf = templateOf(options);
    this.#childWithinMs = (options.childWithinSeconds ?? 60) * 1000;
    this.#recordsBodySize = options.recordBodySize ?? false;
    this.#client = client;
  }

  begin(operation: Operation): Activity {
    const { type, name, channel, group, messages, startedAt, isBatch = false, created = [] } = operation;
    const isRead = type === "process" || type === "receive";
    const senders = isRead || type === "settle" ? messages.map((message) => this.#sender(message)) : [];
    const [sender] = senders;
    const isChild = type === "process" && !isBatch && sender !== undefined && this.#isRecent(operation);
    const active = context.active();
    const isSent = isChild && trace.getSpanContext(sender) !== undefined;
    const parent = isChild ? sender : parentOf(messages);
    const before = created.map((activity) => (activity instanceof SpanActivity ? activity.context : ROOT_CONTEXT));
    const template = this.#templateOf(operation);
    const { clientId, host, port } = this.#client;
    const facts: Attributes = {
      "messaging.system.name": "kubemq",
      "messaging.system": "kubemq", // its name before version 1.45 of the conventions
      "server.address": host,
      "server.port": port,
      "messaging.operation.type": type,
      "messaging.operation.name": name,
      ...(group === undefined ? {} : { "messaging.consumer.group.name": group }),
      ...(template === undefined ? {} : { "messaging.destination.template": template }),
    };
    const destination = channel === undefined ? {} : { "messaging.destination.name": channel };
    const client = { "messaging.client.id": clientId };
    const options = {
      kind: kindOf(type, isBatch),
      attributes: { ...facts, ...destination, ...client, ...attributesOf(operation), ...this.#sizeOf(operation) },
      // A parent in another trace than the active span: the conventions ask for a link to the latter.
      links: linksTo([...before, ...senders, ...(isSent ? [active] : [])]),
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    };
    const place = template ?? channel;
    const span = this.#tracer.startSpan(place === undefined ? name : `${name} ${place}`, options, parent);
    const measured = template === undefined ? { ...facts, ...destination } : facts; // promise: metrics-by-template
    const activity = new SpanActivity(this, operation, measured, span, trace.setSpan(parent, span));
    if (isRead) this.#consumed(operation, measured, activity, senders);
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

  #sender(carrier: Carrier): Context {
    return senderOf(carrier, this.propagator);
  }

  /** Whether the only message came from its sender directly, or did not wait for long. */
  #isRecent({ pattern, messages: [message] }: Operation): boolean {
    if (pattern !== "queues" && pattern !== "eventsStore") return true;
    if (this.#childWithinMs <= 0) return false;
    const sentAt = message?.timestamp?.getTime() ?? 0;
    // A server that reports no time is not old, and one whose clock is ahead gives a negative age.
    return sentAt <= 0 || Date.now() - sentAt <= this.#childWithinMs; // promise: late-message-own-trace
  }

  #sizeOf({ messages: [message], isBatch = false }: Operation): Attributes {
    if (!this.#recordsBodySize || isBatch) return {};
    const body = message?.body;
    if (typeof body === "string") return { "messaging.message.body.size": Buffer.byteLength(body) };
    return body instanceof Uint8Array ? { "messaging.message.body.size": body.byteLength } : {};
  }

  /** Context of the response to a request. */
  linkTo(span: Span, reply: Carrier): void {
    for (const link of linksTo([this.#sender(reply)])) span.addLink(link);
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
    // promise: trace-context-replaced
    if (Object.keys(injected).length > 0) for (const field of propagator.fields()) delete carried[field];
    return Object.assign(carried, injected);
  }

  run<T>(work: () => T): T {
    return context.with(this.context, work);
  }

  end({ failure, ok, responseTags, responseSpan, count, loopLeft }: ActivityOutcome = {}): void {
    const span = this.#span;
    if (count !== undefined) span.setAttribute("messaging.batch.message_count", count);
    if (ok !== undefined) span.setAttribute("messaging.kubemq.executed", ok);
    if (loopLeft === true) span.setAttribute("messaging.kubemq.loop_left", true);
    if (responseTags !== undefined || responseSpan !== undefined) {
      this.#observer.linkTo(span, { tags: responseTags, span: responseSpan });
    }
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

/**
 * Parent of a settlement or response: the active span if it is in the trace of the message, else
 * the process span.
 */
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
export const globalPropagator: NonNullable<OpenTelemetryOptions["propagator"]> = {
  inject: (from, carrier, setter) => propagation.inject(from, carrier, setter),
  extract: (to, carrier, getter) => propagation.extract(to, carrier, getter),
  fields: () => propagation.fields(),
};

const tagWriter = {
  set: (tags: Record<string, string>, key: string, value: string) => {
    tags[key] = value;
  },
};
