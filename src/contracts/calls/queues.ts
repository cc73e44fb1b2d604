import type { QueuePublisher, QueuesClient } from "../../api/contracts/queues.js";
import type { AbortOptions, CallOptions, SendOptions, StreamOptions } from "../../api/message.js";
import type { OutgoingQueueMessage } from "../../api/queues/message.js";
import type { QueuesClient as QueueCalls, QueuePublisher as QueueSending } from "../../api/queues/client.js";
import type {
  BatchRequest,
  ConsumeRequest,
  ProcessOptions,
  ProcessRequest,
  ReceiveRequest,
} from "../../api/queues/requests.js";
import {
  checkArguments,
  checkArray,
  checkBatch,
  checkIterable,
  refusedArguments,
} from "../../support/names/arguments.js";
import { type AnyContract, isContract } from "../form.js";
import { mapped, type Values } from "./mapped.js";
import { messageOf, OPTIONS, refusedOptions, requestOf } from "./resolve.js";

type Handler = Parameters<QueueCalls["process"]>[1];

/** Adds the calls with contracts to those without. */
export function queuesWithContracts(calls: QueueCalls): QueuesClient {
  const sendValue = async (contract: AnyContract, value: unknown, options?: SendOptions) => {
    const sent = message("queues.send", contract, value);
    checkArguments("queues.send", "message", sent, options);
    return calls.send(sent, options);
  };
  const sendBatch = async (first: unknown, second: unknown, third?: SendOptions) => {
    const operation = "queues.sendBatch";
    const [messages, options] = isContract(first)
      ? [messagesOf(operation, first, second), third]
      : [first, second as SendOptions];
    checkBatch(operation, messages, options);
    return calls.sendBatch(messages as readonly OutgoingQueueMessage[], options);
  };
  const receiveFrom = async (contract: AnyContract, options: unknown) =>
    calls.receive(...receiving("queues.receive", contract, options));
  const peekAt = async (contract: AnyContract, options: unknown) =>
    calls.peek(...receiving("queues.peek", contract, options));
  return {
    ...calls,
    send: (first: OutgoingQueueMessage | AnyContract, second?: unknown, third?: SendOptions) =>
      isContract(first)
        ? sendValue(first, second, third)
        : (refusedArguments("queues.send", "message", first, second) ?? calls.send(first, second as SendOptions)),
    sendBatch,
    publisher: (options) => publisherOf(calls.publisher(options)),
    receive: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first)
        ? receiveFrom(first, options)
        : (refusedArguments("queues.receive", "request", first, options) ?? calls.receive(first, options)),
    peek: (first: ReceiveRequest<unknown> | AnyContract, options?: CallOptions) =>
      isContract(first)
        ? peekAt(first, options)
        : (refusedArguments("queues.peek", "request", first, options) ?? calls.peek(first, options)),
    ackAll: (request, options) =>
      refusedArguments("queues.ackAll", "request", request, options) ?? calls.ackAll(request, options),
    consume(first: ConsumeRequest<unknown> | AnyContract, options?: StreamOptions) {
      const operation = "queues.consume";
      if (isContract(first)) return calls.consume(...streaming<ConsumeRequest<unknown>>(operation, first, options));
      checkArguments(operation, "request", first, options);
      return calls.consume(first, options);
    },
    consumeBatches(first: BatchRequest<unknown> | AnyContract, options?: StreamOptions) {
      const operation = "queues.consumeBatches";
      if (isContract(first))
        return calls.consumeBatches(...streaming<BatchRequest<unknown>>(operation, first, options));
      checkArguments(operation, "request", first, options);
      return calls.consumeBatches(first, options);
    },
    process(first: ProcessRequest | AnyContract, handler: Handler, given?: ProcessOptions) {
      const operation = "queues.process";
      if (!isContract(first)) {
        checkArguments(operation, "request", first, given);
        return calls.process(first, handler, given);
      }
      const [request, options] = requestOf<ProcessRequest, ProcessOptions>(
        operation,
        "queues",
        first,
        OPTIONS.process,
        given,
      );
      return calls.process(request, handler, options);
    },
  } as QueuesClient;
}

type Messages = Values<OutgoingQueueMessage>;

function publisherOf(publisher: QueueSending): QueuePublisher {
  const operation = "queues.publisher";
  const sendValue = async (contract: AnyContract, value: unknown) =>
    publisher.send(message(operation, contract, value));
  const sendBatch = async (first: unknown, second?: unknown) => {
    const messages = isContract(first) ? messagesOf(operation, first, second) : first;
    checkBatch(operation, messages);
    const batch = messages as readonly OutgoingQueueMessage[];
    return (isContract(first) ? undefined : refusedOptions(operation, second)) ?? publisher.sendBatch(batch);
  };
  const sendOne = (first: OutgoingQueueMessage, options: unknown) =>
    refusedArguments(operation, "message", first, undefined) ??
    refusedOptions(operation, options) ??
    publisher.send(first);
  return {
    send(first: OutgoingQueueMessage | AnyContract, second?: unknown) {
      if (isContract(first)) return sendValue(first, second);
      return Array.isArray(first) ? sendBatch(first, second) : sendOne(first, second);
    },
    sendBatch,
    sendAll: async (first: Messages | AnyContract, second?: unknown, third?: AbortOptions) => {
      if (!isContract(first)) {
        checkIterable(operation, "messages", first, second);
        return publisher.sendAll(first, second as AbortOptions);
      }
      checkIterable(operation, "values", second, third);
      return publisher.sendAll(
        mapped(second as Values, (value) => message(operation, first, value)),
        third,
      );
    },
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  } as QueuePublisher;
}

function message(operation: string, contract: AnyContract, value: unknown): OutgoingQueueMessage {
  return messageOf(operation, "queues", contract, value);
}

/** The messages of a batch of values. */
function messagesOf(operation: string, contract: AnyContract, values: unknown): readonly OutgoingQueueMessage[] {
  checkArray(operation, "values", values);
  return values.map((value) => message(operation, contract, value));
}

function receiving(operation: string, contract: AnyContract, options: unknown) {
  return requestOf<ReceiveRequest<unknown>, CallOptions>(operation, "queues", contract, OPTIONS.call, options);
}

function streaming<Request>(operation: string, contract: AnyContract, options: unknown) {
  return requestOf<Request, StreamOptions>(operation, "queues", contract, OPTIONS.stream, options);
}
