import type { Incoming } from "../api/message.js";
import type {
  Delivery,
  DeliveryBatch,
  LeasedDelivery,
  OutgoingQueueMessage,
  SendResult,
} from "../api/queues/message.js";
import type { QueuePublisher, QueuesClient } from "../api/queues/client.js";
import type { Activity, Observer } from "../api/telemetry.js";
import {
  beginProcess,
  carrying,
  commonChannel,
  during,
  observeLoop,
  outgoing,
  processed,
  replace,
  sending,
  sendingAll,
} from "./observed.js";

const pattern = "queues";

export function observedQueues(client: QueuesClient, observer: Observer): QueuesClient {
  const beginOne = (message: Incoming<unknown>): Activity => {
    if (isDelivery(message)) observeSettlements(observer, message);
    return beginProcess(observer, { pattern }, message);
  };

  /** A receive or peek: its messages are known only when the call ends. */
  const take = async <M extends Incoming<unknown>>(name: string, channel: string, call: () => Promise<M[]>) => {
    const startedAt = Date.now();
    const begin = (messages: readonly M[]) =>
      observer.begin({ type: "receive", name, pattern, channel, messages, isBatch: true, startedAt });
    try {
      const messages = await call();
      begin(messages).end();
      return messages;
    } catch (error) {
      begin([]).end({ failure: { error } });
      throw error;
    }
  };

  return {
    send: (message, options) =>
      sending(observer, "send", pattern, message, (observed) => client.send(observed, options)),
    sendBatch: (messages, options) => sendBatch(observer, messages, (observed) => client.sendBatch(observed, options)),
    publisher: (options) => observedPublisher(client.publisher(options), observer),
    receive: (request, options) => take("receive", request.channel, () => client.receive(request, options)),
    peek: (request, options) => take("peek", request.channel, () => client.peek(request, options)),
    ackAll(request, options) {
      const { channel } = request;
      const settling = observer.begin({
        type: "settle",
        name: "ackAll",
        pattern,
        channel,
        messages: [],
        isBatch: true,
      });
      return during(
        settling,
        () => client.ackAll(request, options),
        (count) => ({ count: Number(count) }),
      );
    },
    consume: ((...args: Parameters<QueuesClient["consume"]>) =>
      observeLoop(client.consume(...args), beginOne)) as QueuesClient["consume"],
    consumeBatches(request, options) {
      const { channel } = request;
      return observeLoop(client.consumeBatches(request, options), (batch) => {
        observeBatch(observer, batch, channel);
        const { messages } = batch;
        return observer.begin({ type: "process", name: "process", pattern, channel, messages, isBatch: true });
      });
    },
    process: ((...[request, handler, options]: Parameters<QueuesClient["process"]>) =>
      client.process(request, processed(beginOne, handler), options)) as QueuesClient["process"],
    info: (queue, options) => client.info(queue, options),
  };
}

function observedPublisher(publisher: QueuePublisher, observer: Observer): QueuePublisher {
  return {
    send: (<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]) =>
      isList(messages)
        ? sendBatch(observer, messages, (observed) => publisher.sendBatch(observed))
        : sending(observer, "send", pattern, messages, (observed) =>
            publisher.send(observed),
          )) as QueuePublisher["send"],
    sendBatch: (messages) => sendBatch(observer, messages, (observed) => publisher.sendBatch(observed)),
    sendAll: (messages, options) =>
      sendingAll(observer, "send", pattern, messages, (observed) => publisher.sendAll(observed, options)),
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

/** Several messages in one send: one `create` activity and one result each. */
async function sendBatch<T>(
  observer: Observer,
  messages: readonly OutgoingQueueMessage<T>[],
  send: (messages: readonly OutgoingQueueMessage<T>[]) => Promise<SendResult[]>,
): Promise<SendResult[]> {
  const parts = messages.map((message) => outgoing(observer, "create", "create", pattern, message));
  const created = parts.map(({ activity }) => activity);
  const observed = parts.map(({ message }) => message);
  const sending = observer.begin({
    type: "send",
    name: "send",
    pattern,
    channel: commonChannel(messages),
    messages: observed,
    isBatch: true,
    created,
  });
  try {
    const results = await during(sending, () => send(observed));
    for (const [at, activity] of created.entries()) activity.end(failureIn(results[at]));
    return results;
  } catch (error) {
    for (const activity of created) activity.end({ failure: { error } });
    throw error;
  }
}

function failureIn(result: SendResult | undefined): { failure?: { error: unknown } } {
  return result === undefined || result.ok ? {} : { failure: { error: result.error } };
}

function observeSettlements(observer: Observer, message: Delivery<unknown> | LeasedDelivery<unknown>): void {
  const begin = (name: string) =>
    observer.begin({ type: "settle", name, pattern, channel: message.channel, messages: [message] });
  replace(message, "ack", (ack) => () => during(begin("ack"), () => ack()));
  replace(message, "reject", (reject) => () => during(begin("reject"), () => reject()));
  replace(message, "requeue", (requeue) => (channel: string) => during(begin("requeue"), () => requeue(channel)));
  if (!("replace" in message)) return;
  replace(message, "replace", (inner) => (changed) => {
    const settling = begin("replace");
    return during(settling, () => inner(carrying(settling, changed)));
  });
}

function observeBatch(observer: Observer, batch: DeliveryBatch<unknown>, channel: string): void {
  const begin = (name: string, messages: readonly Delivery<unknown>[]) =>
    observer.begin({ type: "settle", name, pattern, channel, messages, isBatch: true });
  const open = () => batch.messages.filter(({ settled }) => !settled);
  const chosen = (sequences: readonly bigint[]) =>
    batch.messages.filter(({ sequence }) => sequences.includes(sequence));
  replace(batch, "ackAll", (ackAll) => () => during(begin("ack", open()), () => ackAll()));
  replace(batch, "rejectAll", (rejectAll) => () => during(begin("reject", open()), () => rejectAll()));
  replace(batch, "requeueAll", (requeueAll) => (to: string) => during(begin("requeue", open()), () => requeueAll(to)));
  replace(
    batch,
    "ack",
    (ack) => (sequences: readonly bigint[]) => during(begin("ack", chosen(sequences)), () => ack(sequences)),
  );
  replace(
    batch,
    "reject",
    (reject) => (sequences: readonly bigint[]) => during(begin("reject", chosen(sequences)), () => reject(sequences)),
  );
  replace(
    batch,
    "requeue",
    (requeue) => (to: string, sequences: readonly bigint[]) =>
      during(begin("requeue", chosen(sequences)), () => requeue(to, sequences)),
  );
  for (const message of batch.messages) observeSettlements(observer, message);
}

function isDelivery(message: Incoming<unknown>): message is Delivery<unknown> {
  return "ack" in message;
}

function isList<T>(messages: T | readonly T[]): messages is readonly T[] {
  return Array.isArray(messages);
}
