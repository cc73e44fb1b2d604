import type { Incoming } from "../api/message.js";
import type { DeliveryBatch, OutgoingQueueMessage, SendResult } from "../api/queues/message.js";
import type { QueuePublisher, QueuesClient } from "../api/queues/client.js";
import type { Activity, Observer } from "../api/telemetry.js";
import { observeLoop } from "./loop.js";
import {
  beginProcess,
  commonChannel,
  during,
  observeCalls,
  outgoing,
  processed,
  sending,
  sendingAll,
} from "./observed.js";

const pattern = "queues";

export function observedQueues(client: QueuesClient, observer: Observer): QueuesClient {
  const beginOne = (message: Incoming<unknown>): Activity => {
    observeSettlements(observer, message);
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

function observeSettlements(observer: Observer, message: Incoming<unknown>): void {
  const { channel } = message;
  observeCalls(message, (name) => observer.begin({ type: "settle", name, pattern, channel, messages: [message] }));
}

function observeBatch(observer: Observer, batch: DeliveryBatch<unknown>, channel: string): void {
  observeCalls(batch, (name, messages = []) =>
    observer.begin({ type: "settle", name, pattern, channel, messages, isBatch: true }),
  );
  for (const message of batch.messages) observeSettlements(observer, message);
}

function isList<T>(messages: T | readonly T[]): messages is readonly T[] {
  return Array.isArray(messages);
}
