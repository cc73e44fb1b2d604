// Checked by the compiler, never run: valid code compiles, and each `@ts-expect-error` precedes
// invalid code.
import {
  json,
  KubeMQClient,
  KubeMQError,
  type ClientOptions,
  type CommandResult,
  type Delivery,
  type ErrorCode,
  type LeasedDelivery,
  type QueueMessage,
  type SendResult,
  type StartPosition,
  type Status,
  type StoredEvent,
  type Subscription,
} from "kubemq-es";
import { z } from "zod";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Accepts only `true`: the result of comparing two equal types. */
const same = <_ extends true>(): void => {};

declare const client: KubeMQClient;
const Order = json(z.object({ total: z.number() }));

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

export function results(command: CommandResult, sent: SendResult): void {
  // @ts-expect-error an error only where the command was not executed
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
  // @ts-expect-error what a client knows is not to be changed
  client.clientId = "other";
  // @ts-expect-error false, or settings
  void new KubeMQClient({ keepalive: true });
}

export function statuses(status: Status): bigint | undefined {
  // @ts-expect-error only a gap has an expected sequence
  void status.expected;
  return status.type === "gap" ? status.expected : undefined;
}
