// Checked by the compiler, never run: valid code compiles, and each `@ts-expect-error` precedes
// invalid code.
import {
  json,
  KubeMQClient,
  KubeMQError,
  type CallOptions,
  type ClientOptions,
  type CommandResult,
  type ConsumeRequest,
  type Delivery,
  type ErrorCode,
  type FailedResponse,
  type HandlerOptions,
  type LeasedDelivery,
  type LeaseRequest,
  type OutgoingQueueMessage,
  type QueryResponse,
  type QueryResult,
  type QueueMessage,
  type Reply,
  type RetryOptions,
  type SendResult,
  type SentMessage,
  type StandardSchemaV1,
  type StartPosition,
  type Status,
  type StoredEvent,
  type StreamOptions,
  type Subscription,
} from "kubemq-es";
import { openTelemetry } from "kubemq-es/opentelemetry";
import { startBroker } from "kubemq-es/testing";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Accepts only `true`: the result of comparing two equal types. */
const same = <_ extends true>(): void => {};

declare const client: KubeMQClient;
declare const schema: StandardSchemaV1<unknown, { total: number }>;
const Order = json(schema);

export function payloads(): void {
  void client.events.publish({ channel: "a", body: "text" });
  void client.events.publish({ channel: "a", body: Uint8Array.of(1) });
  void client.events.publish({ channel: "a", body: { total: 1 }, codec: Order });
  // @ts-expect-error an object needs a codec
  void client.events.publish({ channel: "a", body: { total: 1 } });
  // @ts-expect-error the codec is for orders
  void client.events.publish({ channel: "a", body: { total: "1" }, codec: Order });
  // @ts-expect-error an order has a total
  void client.events.publish({ channel: "a", body: {}, codec: Order });
  // @ts-expect-error a channel is needed
  void client.events.publish({ body: "text" });
}

export async function subscriptions(): Promise<void> {
  for await (const event of client.events.subscribe({ channel: "a" })) same<Same<typeof event.value, Uint8Array>>();
  for await (const event of client.events.subscribe({ channel: "a", codec: Order })) {
    same<Same<typeof event.value, { total: number }>>();
    // @ts-expect-error plain events have no sequence
    void event.sequence;
  }
  const stored = client.eventsStore.subscribe({ channel: "a", start: { from: "sequence", sequence: 1 } });
  const plain: Subscription<StoredEvent> = stored;
  void plain;
  // @ts-expect-error a store subscription says where it starts
  void client.eventsStore.subscribe({ channel: "a" });
  // @ts-expect-error a sequence start has a sequence
  const start: StartPosition = { from: "sequence" };
  void start;
}

export async function consumers(): Promise<void> {
  for await (const job of client.queues.consume({ channel: "a" })) {
    same<Same<typeof job, Delivery>>();
    // @ts-expect-error no lease without visibilitySeconds
    void job.extendVisibility(1);
  }
  for await (const job of client.queues.consume({ channel: "a", visibilitySeconds: 30 })) {
    same<Same<typeof job, LeasedDelivery>>();
    await job.extendVisibility(30);
  }
  for await (const job of client.queues.consume({ channel: "a", settle: "on-delivery" })) {
    same<Same<typeof job, QueueMessage>>();
    // @ts-expect-error what the server has acknowledged cannot be settled
    void job.ack();
  }
  for await (const job of client.queues.consume({ channel: "a", codec: Order })) {
    same<Same<typeof job.value, { total: number }>>();
  }
  for (const message of await client.queues.receive({ channel: "a" })) {
    // @ts-expect-error received messages are settled already
    void message.ack();
  }
}

type Settle = "manual" | "on-next" | "on-delivery" | undefined;

export async function requests(settle: Settle, lease: LeaseRequest | ConsumeRequest): Promise<void> {
  for await (const job of client.queues.consume({ channel: "a", settle })) {
    same<Same<typeof job, Delivery | QueueMessage>>();
    // @ts-expect-error there is no ack when settle is on-delivery
    void job.ack();
    if ("ack" in job) await job.ack();
  }
  for await (const job of client.queues.consume(lease)) same<Same<typeof job, Delivery>>();
  // @ts-expect-error no lease of what the server has acknowledged
  client.queues.consume({ channel: "a", visibilitySeconds: 30, settle: "on-delivery" });
  // @ts-expect-error a lease has a time
  client.queues.consume({ channel: "a", autoExtend: true });
  // @ts-expect-error the same with a variable
  client.queues.consume({ channel: "a", visibilitySeconds: 30, settle });
  void client.queues.process({ channel: "a" }, (job) => same<Same<typeof job, Delivery>>());
  void client.queues.process({ channel: "a", visibilitySeconds: 9 }, (job) => same<Same<typeof job, LeasedDelivery>>());
  // @ts-expect-error the outcome of the handler settles the message
  void client.queues.process({ channel: "a", settle: "manual" }, () => {});
  // @ts-expect-error a batch has no lease
  client.queues.consumeBatches({ channel: "a", max: 8, visibilitySeconds: 30 });
  // @ts-expect-error times that the server counts are seconds
  client.queues.consumeBatches({ channel: "a", max: 8, waitMs: 1_500 });
  client.queues.consumeBatches({ channel: "a", max: 8, waitSeconds: 1.5 });
}

export async function publishers(many: readonly OutgoingQueueMessage[]): Promise<void> {
  const publisher = client.queues.publisher({ ordered: false });
  same<Same<Awaited<ReturnType<typeof publisher.flush>>, void>>();
  const one = await publisher.send({ channel: "a", body: "b" });
  same<Same<typeof one, SentMessage>>();
  const results = [await publisher.send(many), await publisher.sendBatch(many)];
  same<Same<typeof results, SendResult[][]>>();
  const count = await publisher.sendAll(many, { signal: undefined });
  same<Same<typeof count, number>>();
  // @ts-expect-error several messages are a batch
  await publisher.sendBatch({ channel: "a", body: "b" });
  // @ts-expect-error one message is no iterable
  await publisher.sendAll({ channel: "a", body: "b" });
}

export function results(command: CommandResult, query: QueryResult, sent: SendResult): void {
  // @ts-expect-error a body only where the query was answered
  void query.text();
  if (query.ok) same<Same<typeof query, QueryResponse>>();
  else same<Same<typeof query, FailedResponse>>();
  // @ts-expect-error an error only where the command was not carried out
  void command.error;
  if (!command.ok) same<Same<typeof command.error, string>>();
  // @ts-expect-error a time only where the message was stored
  void sent.sentAt;
  if (sent.ok) same<Same<typeof sent.sentAt, Date>>();
  else same<Same<typeof sent.error, KubeMQError>>();
}

export function errors(error: unknown): void {
  if (KubeMQError.is(error, "TIMEOUT", "UNAVAILABLE")) same<Same<typeof error.code, "TIMEOUT" | "UNAVAILABLE">>();
  // @ts-expect-error no such code
  KubeMQError.is(error, "TIME_OUT");
  // @ts-expect-error no such code
  const code: ErrorCode = "OOPS";
  void code;
}

export function options(address: string | undefined): void {
  const given: ClientOptions = { address, keepalive: false, tls: { ca: "ca.pem" } };
  void new KubeMQClient(given);
  const token: string | undefined = process.env["TOKEN"];
  void new KubeMQClient({ authToken: token, tls: { ca: token, serverName: token }, reconnect: { jitter: undefined } });
  // @ts-expect-error a token is a string or a function
  void new KubeMQClient({ authToken: 5 });
  // @ts-expect-error what a client knows is not to be changed
  client.clientId = "other";
  // @ts-expect-error false, or settings
  void new KubeMQClient({ keepalive: true });
}

/** Every optional input takes undefined, and readonly values. */
export function inputs(tags: Readonly<Record<string, string>>, bodies: readonly string[]): void {
  const none = undefined;
  const call: CallOptions = { signal: none, timeoutMs: none };
  const stream: StreamOptions = { signal: none, reconnect: none };
  const retry: RetryOptions = { maxAttempts: none, exhausted: none, delay: { jitter: none } };
  const handling: HandlerOptions = { ...stream, concurrency: none, drainTimeoutMs: none, onError: none };
  const message = { channel: "a", body: "b", id: none, metadata: none, codec: none, tags } as const;
  void client.events.publish(message, call);
  void client.queues.send({ ...message, policy: { delaySeconds: none, deadLetter: none } }, call);
  void client.queues.sendBatch(bodies.map((body) => ({ channel: "a", body, policy: none })));
  void client.queries.send({ ...message, span: none, cache: none, responseCodec: none }, call);
  void client.queues.process({ channel: "a", codec: none, prefetch: none }, () => {}, { ...handling, retry });
  void client.queries.handle({ channel: "a", group: none, codec: none, responseCodec: none }, () => "b", handling);
  void client.commands.handle({ channel: "a" }, (): Reply => ({ metadata: none, tags, span: none }));
  void startBroker({ port: none, token: none, profile: none, quirks: { loseLastAnswer: none } });
  openTelemetry({ tracerProvider: none, meterProvider: none, propagator: none });
}

export function statuses(status: Status): bigint | undefined {
  // @ts-expect-error only a gap has an expected sequence
  void status.expected;
  return status.type === "gap" ? status.expected : undefined;
}
