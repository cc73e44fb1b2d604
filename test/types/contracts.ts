// Checked by the compiler, never run: valid code compiles, and each `@ts-expect-error` precedes
// invalid code.
import {
  channel,
  command,
  events,
  json,
  type KubeMQClient,
  query,
  queue,
  store,
  text,
  type Codec,
  type CommandResult,
  type Delivery,
  type EventMessage,
  type EventPublisher,
  type LeasedDelivery,
  type OutgoingMessage,
  type OutgoingQueueMessage,
  type QueryResult,
  type QueueMessage,
  type SentMessage,
  type StoredEvent,
} from "kubemq-es";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Accepts only `true`: the result of comparing two equal types. */
const same = <_ extends true>(): void => {};

interface Mail {
  to: string;
}
interface Price {
  cents: number;
}

declare const client: KubeMQClient;
const mail = json<Mail>();
const mails = queue("mails", mail, { deadLetter: { queue: "mails.failed", maxReceiveCount: 3 } });
const sent = events("mails.sent", mail);
const anyMail = events("mails.*", mail);
const ledger = store("ledger", mail);
const door = command("door", { request: json<{ open: boolean }>() });
const price = query("price", { request: text, response: json<Price>() });

const orders = events("orders.{id}.{step}", mail);
const jobs = queue("jobs-{region}", mail);
const prices = query("prices.{region}", { request: text, response: json<Price>() });

export async function queues(): Promise<void> {
  const stored = await client.queues.send(mails, { to: "ada" }, { timeoutMs: 100 });
  same<Same<typeof stored, SentMessage>>();
  await client.queues.sendBatch(mails, [{ to: "ada" }]);
  await client.queues.send(mails.message({ to: "ada" }, { tags: { a: "b" }, policy: { delaySeconds: 1 } }));
  const publisher = client.queues.publisher();
  await publisher.send(mails, { to: "ada" });
  // @ts-expect-error the value is not a mail
  await client.queues.send(mails, { to: 7 });
  // @ts-expect-error the value is missing
  await client.queues.send(mails);
  // @ts-expect-error one of the values is not a mail
  await client.queues.sendBatch(mails, [{ to: "ada" }, {}]);
  // @ts-expect-error the value is not a mail
  await publisher.send(mails, "ada");
  // @ts-expect-error the value is not a mail
  mails.message({ to: 7 });
  // @ts-expect-error no such detail
  mails.message({ to: "ada" }, { delaySeconds: 1 });
  // @ts-expect-error another kind of contract
  await client.queues.send(sent, { to: "ada" });
  // @ts-expect-error another kind of contract
  client.queues.consume(ledger);
  // @ts-expect-error options do not replace the codec of the contract
  client.queues.consume(mails, { codec: text });

  for await (const job of client.queues.consume(mails, { prefetch: 8 })) same<Same<typeof job, Delivery<Mail>>>();
  for await (const job of client.queues.consume(mails, { visibilitySeconds: 30 })) {
    same<Same<typeof job, LeasedDelivery<Mail>>>();
  }
  for await (const job of client.queues.consume(mails, { settle: "on-delivery" })) {
    same<Same<typeof job, QueueMessage<Mail>>>();
  }
  for (const message of await client.queues.receive(mails, { max: 10, waitSeconds: 1 })) {
    same<Same<typeof message.value, Mail>>();
  }
  void client.queues.process(mails, (message) => void message.value.to.length, { concurrency: 8, prefetch: 16 });
  // @ts-expect-error a handler returns a settlement or nothing
  void client.queues.process(mails, () => 7);
  // @ts-expect-error a mail has no total
  void client.queues.process(mails, (message) => void message.value.total);
}

export async function publishing(): Promise<void> {
  await client.events.publish(sent, { to: "ada" });
  await client.events.publisher().publishAll(sent, [{ to: "ada" }]);
  same<Same<Awaited<ReturnType<typeof client.eventsStore.publish>>, { readonly id: string }>>();
  await client.eventsStore.publish(ledger, { to: "ada" });
  // @ts-expect-error a pattern only subscribes
  await client.events.publish(anyMail, { to: "ada" });
  // @ts-expect-error a pattern makes no messages
  anyMail.message({ to: "ada" });
  // @ts-expect-error another kind of contract
  await client.events.publish(mails, { to: "ada" });
  // @ts-expect-error another kind of contract
  await client.eventsStore.publish(sent, { to: "ada" });
  // @ts-expect-error the value is not a mail
  await client.events.publisher().publish(sent, { to: 1 });
}

export async function subscribing(): Promise<void> {
  for await (const event of client.events.subscribe(sent)) same<Same<typeof event, EventMessage<Mail>>>();
  for await (const event of client.events.subscribe(anyMail, { group: "a" })) same<Same<typeof event.value, Mail>>();
  for await (const event of client.eventsStore.subscribe(ledger, { start: { from: "first" } })) {
    same<Same<typeof event, StoredEvent<Mail>>>();
  }
  for await (const event of client.eventsStore.replay(ledger, { start: { from: "first" }, quietMs: 10 })) void event;
  // @ts-expect-error a store subscription says where it starts
  client.eventsStore.subscribe(ledger);
  // @ts-expect-error another kind of contract
  client.events.subscribe(ledger);
}

export async function requests(): Promise<void> {
  const result = await client.commands.send(door, { open: true });
  same<Same<typeof result, CommandResult>>();
  const answer = await client.queries.send(price, "table");
  same<Same<typeof answer, QueryResult<Price>>>();
  const asked = await client.queries.send(price.message("table", { cache: { key: "table", ttlSeconds: 60 } }));
  same<Same<typeof asked, QueryResult<Price>>>();
  void client.queries.handle(price, (query) => ({ cents: query.value.length }), { group: "prices", concurrency: 4 });
  void client.queries.handle(prices.all, async () => ({ cents: 1 }));
  void client.commands.handle(door, (command) => void command.value.open);
  for await (const query of client.queries.subscribe(price)) {
    await query.respond(price.reply({ cents: 1 }, { tags: { a: "b" } }));
    // @ts-expect-error the response is not a price
    await query.respond(price.reply({ cents: "1" }));
    // @ts-expect-error a response of the contract has its codec
    await query.respond({ body: "1" });
  }
  // @ts-expect-error the query is a string
  await client.queries.send(price, 7);
  // @ts-expect-error a command is not a query
  await client.queries.send(door, { open: true });
  // @ts-expect-error the response is not a price
  void client.queries.handle(price, () => ({ cents: "1" }));
  // @ts-expect-error the response is not a price
  void client.queries.handle(price, async () => "1");
  // @ts-expect-error the response is missing
  void client.queries.handle(price, () => {});
  // @ts-expect-error a query has two codecs
  query("price", { request: text });
  // @ts-expect-error the value is not for the door
  await client.commands.send(door, { open: 1 });
}

export async function parameters(): Promise<void> {
  await client.events.publish(orders.for({ id: 7, step: "paid" }), { to: "ada" });
  for await (const event of client.events.subscribe(orders.all)) {
    const values = orders.parse(event.channel);
    same<Same<typeof values, Readonly<Record<"id" | "step", string>> | undefined>>();
  }
  await client.queues.send(jobs.for({ region: "eu" }), { to: "ada" });
  same<Same<ReturnType<(typeof channelName)["for"]>, string>>();
  queue(channelName, mail).for({ id: "7" });
  // @ts-expect-error a parameter is missing
  orders.for({ id: "7" });
  // @ts-expect-error no such parameter
  orders.for({ id: "7", step: "paid", total: 1 });
  // @ts-expect-error a parameter is a string or a number
  jobs.for({ region: true });
  // @ts-expect-error the channel has parameters
  await client.events.publish(orders, { to: "ada" });
  // @ts-expect-error the channel has parameters
  client.events.subscribe(orders);
  // @ts-expect-error the channel has parameters
  client.queues.consume(jobs);
  // @ts-expect-error all channels together only subscribe
  await client.events.publish(orders.all, { to: "ada" });
  // @ts-expect-error a queue has no wildcards
  void jobs.all;
  // @ts-expect-error the parameter is less than a part between dots
  void events("order-{id}", mail).all;
  // @ts-expect-error a queue has no wildcards
  queue("mails.*", mail);
  // @ts-expect-error the store has no wildcards
  store("ledger.>", mail);
  // @ts-expect-error a parameter is missing
  channelName.for({});
}
const channelName = channel("order-{id}");

/** What is sent may be more than what is received. */
export async function accepted(codec: Codec<Date, Date | string>): Promise<void> {
  const dates = queue("dates", codec);
  await client.queues.send(dates, "2026-01-01");
  for await (const { value } of client.queues.consume(dates)) same<Same<typeof value, Date>>();
  // @ts-expect-error neither a date nor a string
  await client.queues.send(dates, 7);
  const now = query("now", { request: text, response: codec });
  void client.queries.handle(now, () => "2026-01-01");
  const answer = await client.queries.send(now, "UTC");
  same<Same<typeof answer, QueryResult<Date>>>();
}

/** A message of a contract is sent by the calls of its kind. Other messages belong to no kind. */
export async function messagesOfContracts(): Promise<void> {
  const { events: plain, eventsStore, queues: toQueues, commands, queries } = client;
  const event = sent.message({ to: "ada" });
  const job = mails.message({ to: "ada" });
  const order = door.message({ open: true });
  const question = price.message("table");
  await plain.publish(event);
  await plain.publisher().publish(event);
  await plain.publisher().publishAll([event]);
  await eventsStore.publish(ledger.message({ to: "ada" }));
  await eventsStore.publisher().publishAll([ledger.message({ to: "ada" })]);
  await toQueues.send(job);
  await toQueues.sendBatch([job, { channel: "b", body: { to: "eve" }, codec: mail }]);
  await toQueues.publisher().sendAll([job]);
  await commands.send(order);
  await queries.send(question);
  const anywhere: OutgoingMessage = { channel: "c", body: "x", tags: { a: "b" } };
  await Promise.all([plain.publish(anywhere), eventsStore.publish(anywhere), toQueues.send(anywhere)]);
  await Promise.all([commands.send(anywhere), queries.send(anywhere)]);
  const later: OutgoingQueueMessage = { ...anywhere, policy: { delaySeconds: 1 } };
  await toQueues.send(later);
  // @ts-expect-error a message for a queue is no event
  await plain.publish(job);
  // @ts-expect-error a message for a queue is no event
  await plain.publisher().publish(job);
  // @ts-expect-error a message for a queue is no event
  await plain.publisher().publishAll([job]);
  // @ts-expect-error a stored event is no plain one, also for a publisher
  await plain.publisher().publish(ledger.message({ to: "ada" }));
  // @ts-expect-error a stored event is no plain one, also for a publisher
  await plain.publisher().publishAll([ledger.message({ to: "ada" })]);
  // @ts-expect-error an event is not stored, also by a publisher
  await eventsStore.publisher().publish(event);
  // @ts-expect-error a contract for stored events is none for plain ones
  await plain.publisher().publish(ledger, { to: "ada" });
  // @ts-expect-error a contract for plain events is none for stored ones
  await eventsStore.publisher().publishAll(sent, [{ to: "ada" }]);
  const either: EventPublisher<unknown>[] = [plain.publisher(), eventsStore.publisher()];
  await either[0]?.publish(event);
  // @ts-expect-error an event is not stored
  await eventsStore.publish(event);
  // @ts-expect-error an event is no message for a queue
  await toQueues.send(event);
  // @ts-expect-error an event is no message for a queue
  await toQueues.sendBatch([event]);
  // @ts-expect-error a command is no message for a queue
  await toQueues.publisher().send(order);
  // @ts-expect-error a query is no command
  await commands.send(question);
  // @ts-expect-error a command is no query
  await queries.send(order);
}

/** A name that is known at run time only is a contract of one channel. */
export async function dynamic(name: string): Promise<void> {
  await client.queues.send(queue(name, mail), { to: "ada" });
  await client.events.publish(events(name, mail), { to: "ada" });
}
