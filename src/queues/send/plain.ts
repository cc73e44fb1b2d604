import type { SendOptions } from "../../api/message.js";
import type { OutgoingQueueMessage, SendResult, SentMessage } from "../../api/queues/message.js";
import type { Connection } from "../../connection/connection.js";
import { LINGER_MS, type PlainPlan, PlainSends } from "../../stream/send/plain-sends.js";
import type { About } from "../../stream/send/send.js";
import { checkSize, checkQueueChannel } from "../../support/checks.js";
import { completed, encodePayload } from "../../support/message/payload.js";
import { eachIndexed } from "../../support/message/indexed.js";
import { checkMessageNames } from "../../support/names/message.js";
import { checkPolicy } from "../../support/message/policy.js";
import { Upstream } from "./upstream.js";
import {
  batchRequest,
  exactQueueMessageSize,
  queueMessageOf,
  queueMessageSize,
  sendQueueMessageMethod,
  sendQueueMessagesBatchMethod,
  sendResult,
  type WireQueueMessage,
} from "../wire.js";

/**
 * Milliseconds after which the next request is sent. A server has started the previous one by
 * then, so the order is kept.
 */
const MAX_HOLD_MS = 1_000;

/** Checks a message, and converts it to its wire form. */
export type PrepareQueueMessage = (operation: string, message: OutgoingQueueMessage) => WireQueueMessage;

export function preparing({ options: { clientId, maxMessageBytes } }: Connection): PrepareQueueMessage {
  return (operation, message) => {
    checkMessageNames(operation, "queues", message);
    checkQueueChannel(operation, message.channel);
    const subject = { operation, channel: message.channel };
    const complete = completed(operation, message);
    checkPolicy(subject, message.policy);
    const wire = queueMessageOf(clientId, complete, encodePayload(operation, complete), message.policy);
    checkSize(subject, queueMessageSize(wire), () => exactQueueMessageSize(wire), maxMessageBytes);
    return wire;
  };
}

/** Describes messages that are sent together, for their sender. */
export function aboutMessages(operation: string, messages: readonly WireQueueMessage[]): About {
  let bytes = 0;
  for (const message of messages) bytes += queueMessageSize(message);
  const channel = messages.length === 1 ? messages[0]?.Channel : undefined;
  return { operation, id: "", isIdGiven: false, channel, count: messages.length, bytes };
}

type Plan<Outcome> = PlainPlan<WireQueueMessage[], SendResult[], Outcome>;

/** Sends to queues, over one stream shared by the whole client. */
export class QueueSends {
  readonly #connection: Connection;
  readonly #prepare: PrepareQueueMessage;
  readonly #sends: PlainSends<WireQueueMessage[], SendResult[]>;

  constructor(connection: Connection, prepare: PrepareQueueMessage) {
    this.#connection = connection;
    this.#prepare = prepare;
    const upstream = (resend: boolean) =>
      new Upstream(connection, {
        operation: "queues.send",
        maxInFlight: 1,
        maxHoldMs: MAX_HOLD_MS,
        resend,
        timedFrom: "acceptance",
        lingerMs: LINGER_MS,
      });
    this.#sends = new PlainSends(connection, upstream);
  }

  /** Not an async function: its promise would cost a second one. */
  send(message: OutgoingQueueMessage, options: SendOptions | undefined): Promise<SentMessage> {
    const operation = "queues.send";
    try {
      const wire = [this.#prepare(operation, message)];
      return this.#sends.send(wire, aboutMessages(operation, wire), options, this.#one);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async sendBatch(messages: readonly OutgoingQueueMessage[], options: SendOptions | undefined): Promise<SendResult[]> {
    const operation = "queues.sendBatch";
    const wire = eachIndexed(messages, (message) => this.#prepare(operation, message));
    if (wire.length === 0) return [];
    const about = aboutMessages(operation, wire);
    const exact = () => wire.reduce((sum, message) => sum + exactQueueMessageSize(message) + 8, 64);
    checkSize({ operation }, about.bytes, exact, this.#connection.options.maxMessageBytes, "batch");
    return this.#sends.send(wire, about, options, this.#batch);
  }

  readonly #one: Plan<SentMessage> = {
    byCall: async ([message], subject, call) => {
      if (message === undefined) return [];
      const answer = await this.#connection.unary(sendQueueMessageMethod, message, call);
      return [sendResult(answer, message, subject.operation)];
    },
    outcome(results) {
      const result = results[0]; // destructuring an array asks it for an iterator
      if (result?.ok !== true) throw result?.error;
      return result;
    },
  };

  readonly #batch: Plan<SendResult[]> = {
    byCall: async (messages, subject, call) => {
      const request = batchRequest(messages);
      const { Results } = await this.#connection.unary(sendQueueMessagesBatchMethod, request, call);
      return messages.map((message, at) => sendResult(Results[at], message, subject.operation));
    },
    outcome: (results) => results,
  };
}
