import { KubeMQError } from "../api/errors.js";
import type { Connection } from "../connection/connection.js";
import type { Subject } from "../support/checks.js";
import {
  infoRequest,
  queueIn,
  queuesInfoMethod,
  receiveQueueMessagesMethod,
  receiveRequest,
  type WireQueueMessage,
} from "./wire.js";

type Queue = Subject & { readonly channel: string };

/** How long the server waits for a message in one peek. Others who peek at this queue, or receive from it, wait in line behind it. */
const PEEK_SECONDS = 1;

/** How long the answer may take beyond that: peeks of several consumers are served one after another. */
const PEEK_MARGIN_MS = 2_000;

/** How long the server's count is waited for. */
const COUNT_TIMEOUT_MS = 2_000;

/** How a queue stands, by the server's own account. */
export interface QueueCount {
  /** Messages that can be taken, and messages that consumers hold. */
  readonly waiting: number;
  /** Polls and open transactions of all consumers; one when there are none. */
  readonly subscribers: number;
}

/** What came of a peek: `refused` by a server that has none, or does not allow it. */
export type Peeked =
  | { readonly kind: "message"; readonly message: WireQueueMessage }
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly error: KubeMQError }
  | { readonly kind: "refused" };

/**
 * Waits for a message without taking it. A community server (v2.4.0) serves polls and leases by 200 connections in turn, each
 * locked while it waits, so that consumers which wait slow down those which work. A peek uses none of them, it can be cancelled at
 * any moment, and nothing of it is left behind when the server stops.
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

/** Asks the server how a queue stands; undefined when it does not answer this time, `refused` when it never will. */
export async function countWaiting(connection: Connection, queue: Queue): Promise<QueueCount | "refused" | undefined> {
  // A server shortens these names at their ends, and takes ";" for a separator: it would answer for another queue.
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
