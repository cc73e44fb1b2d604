import { KubeMQError } from "../api/errors.js";
import type { CallOptions } from "../api/message.js";
import type { QueuesInfo } from "../api/queues/message.js";
import type { ChannelsClient } from "../api/server.js";
import type { Connection } from "../connection/connection.js";
import type { Subject } from "../support/checks.js";
import { fault } from "../support/faults.js";
import {
  infoRequest,
  queueIn,
  queuesInfoMethod,
  receiveQueueMessagesMethod,
  receiveRequest,
  type WireQueueMessage,
} from "./wire.js";

type Queue = Subject & { readonly channel: string };

/**
 * Seconds that the server waits for a message in one peek. Other peeks and receives of the queue
 * wait in line behind it.
 */
const PEEK_SECONDS = 1;

/**
 * Milliseconds that the answer may take beyond that: the server serves several peeks one after
 * another.
 */
const PEEK_MARGIN_MS = 2_000;

/** Milliseconds to wait for the server's count. */
const COUNT_TIMEOUT_MS = 2_000;

/** The counts of a queue, as reported by the server. */
export interface QueueCount {
  /** Available messages plus messages held by consumers. */
  readonly waiting: number;
  /** Polls and open transactions of all consumers; 1 when there are none. */
  readonly subscribers: number;
}

/** The outcome of a peek. `refused`: the server does not support or permit it. */
export type Peeked =
  | { readonly kind: "message"; readonly message: WireQueueMessage }
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly error: KubeMQError }
  | { readonly kind: "refused" };

/**
 * Waits for a message without taking it. A community server (v2.4.0) serves polls and leases by
 * 200 connections in turn, and locks each one while it waits, so waiting consumers slow down
 * working ones. A peek uses none of these connections. It can be cancelled at any time, and no
 * member of the queue remains when the server stops.
 */
export async function peekWaiting(connection: Connection, queue: Queue, signal: AbortSignal): Promise<Peeked> {
  const request = receiveRequest(connection.options.clientId, queue.channel, 1, PEEK_SECONDS, true);
  try {
    const answer = await connection.unary(receiveQueueMessagesMethod, request, {
      ...queue,
      timeoutMs: PEEK_SECONDS * 1_000 + PEEK_MARGIN_MS,
      background: true,
      options: { signal },
    });
    if (answer.IsError) return { kind: "refused" };
    const [message] = answer.Messages;
    return message === undefined ? { kind: "none" } : { kind: "message", message };
  } catch (error) {
    if (KubeMQError.is(error, "UNSUPPORTED") || KubeMQError.is(error, "PERMISSION_DENIED")) return { kind: "refused" };
    const isOver = signal.aborted || KubeMQError.is(error, "TIMEOUT") || KubeMQError.is(error, "CLIENT_CLOSED");
    return isOver ? { kind: "none" } : { kind: "failed", error: error as KubeMQError };
  }
}

/**
 * Requests the counts of a queue. Returns undefined when this request has no answer, `refused` if
 * the server never answers.
 */
export async function countWaiting(connection: Connection, queue: Queue): Promise<QueueCount | "refused" | undefined> {
  // A server strips these characters from both ends of a name, and splits it at ";". It would
  // report on another queue.
  if (/^[_QUES.]|[_QUES.]$|;/.test(queue.channel)) return "refused";
  try {
    const call = { ...queue, timeoutMs: COUNT_TIMEOUT_MS, background: true };
    const found = queueIn(await connection.unary(queuesInfoMethod, infoRequest(queue.channel), call), queue.channel);
    if (found === undefined) return { waiting: 0, subscribers: 0 };
    return { waiting: Number(found.Waiting), subscribers: Number(found.Subscribers) };
  } catch (error) {
    return isMomentary(error) ? undefined : "refused";
  }
}

function isMomentary(error: unknown): boolean {
  return (
    !(error instanceof KubeMQError) || error.retryable || error.code === "TIMEOUT" || error.code === "CLIENT_CLOSED"
  );
}

/**
 * The counts of queues from the channel list, for servers without QueuesInfo. The list has no
 * sequences, and does not say how many consumers a queue has, only whether it has any.
 *
 * @param unsupported - the server's refusal of QueuesInfo
 */
export async function listedQueues(
  channels: Pick<ChannelsClient, "list">,
  subject: Subject,
  unsupported: KubeMQError,
  queue: string | undefined,
  options: CallOptions | undefined,
): Promise<QueuesInfo> {
  let listed;
  try {
    listed = await channels.list("queues", queue, options);
  } catch (cause) {
    if (!KubeMQError.is(cause, "UNSUPPORTED")) throw cause;
    const text = "the server has neither QueuesInfo nor a list of channels: peek to learn whether messages wait";
    throw fault("UNSUPPORTED", subject, text, { cause: unsupported });
  }
  const queues = listed
    // Servers take the name as a pattern.
    .filter(({ name }) => queue === undefined || name === queue)
    .map(({ name, active, incoming }) => ({
      name,
      messages: incoming.messages,
      bytes: incoming.volume,
      firstSequence: 0n,
      lastSequence: 0n,
      waiting: incoming.waiting,
      subscribers: active ? 1 : 0,
    }));
  return { total: queues.length, queues };
}
