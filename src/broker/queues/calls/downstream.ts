import { create } from "@bufbuild/protobuf";
import { randomUUID } from "node:crypto";
import type { QueuesDownstreamRequest, QueuesDownstreamResponse } from "../../../../gen/kubemq_pb.js";
import { QueuesDownstreamRequestType as Type, QueuesDownstreamResponseSchema } from "../../../../gen/kubemq_pb.js";
import { checkGet, withRefusal } from "../checks.js";
import { collect } from "./collect.js";
import type { Conversation } from "./conversation.js";
import type { QueueCore } from "../model/core.js";
import { isExpired } from "../model/message.js";
import { Outbox } from "./outbox.js";
import { Recent } from "../model/recent.js";
import { closedText, settle } from "./settlement.js";
import { queueTexts } from "../texts.js";
import { Transaction } from "./transaction.js";
import { deliveryOf } from "../wire.js";

/** The shortest poll, whatever WaitTimeout is. */
const minWaitMs = 1000;
/** The meaning of MaxItems 0. */
const defaultMaxItems = 200_000;
/**
 * How many closed transactions, and how many open empty ones, a call remembers. Older ones are
 * unknown to it.
 */
const rememberedTransactions = 256;

type Settled =
  { is: "settled" } | { is: "silent" } | { is: "refused"; text: string } | { is: "offsets"; offsets: bigint[] };

/**
 * One QueuesDownstream call: polls, and the transactions that they open. Requests are handled one
 * at a time, so any request after a poll waits for the poll's end. One request is read ahead.
 */
export class Downstream implements Conversation<QueuesDownstreamRequest, QueuesDownstreamResponse> {
  readonly outbox = new Outbox<QueuesDownstreamResponse>();
  readonly #core: QueueCore;
  readonly #over = new AbortController();
  readonly #open = new Map<string, Transaction>();
  readonly #closed = new Recent(rememberedTransactions);
  readonly #empty = new Recent(rememberedTransactions);
  /** Resolves when the last request that was received has been handled. */
  #handled: Promise<void> = Promise.resolve();
  /** The request that waits for the end of the one before. */
  #behind: QueuesDownstreamRequest | undefined;
  #isPolling = false;

  constructor(core: QueueCore) {
    this.#core = core;
  }

  /**
   * Resolves when the request before this one has been handled, so that the next one can be read.
   */
  receive(request: QueuesDownstreamRequest): Promise<void> {
    const before = this.#handled;
    this.#behind = request;
    this.#handled = before.then(() => this.#handle(request)).catch((error: unknown) => this.outbox.fail(error));
    return before;
  }

  /**
   * Polls are cancelled, unless they outlive their calls, and unsettled messages return to their
   * places. The server does not notice the end of a call while a poll of it continues.
   */
  close(): void {
    this.#over.abort();
    if (!this.#isPolling || !this.#core.profile.pollsOutliveCalls) this.#releaseAll();
  }

  /** Sends CloseByServer and ignores further requests, as newer servers do when they shut down. */
  closeByServer(): void {
    this.#behind = undefined;
    this.close();
    void this.outbox.send(create(QueuesDownstreamResponseSchema, { RequestTypeData: Type.CloseByServer }));
  }

  async #handle(request: QueuesDownstreamRequest): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#behind = undefined;
    const answer = await this.#answer(request);
    if (!this.#over.signal.aborted) return answer === undefined ? undefined : this.outbox.send(answer);
    if (!(await this.#hangs())) this.#releaseAll();
  }

  async #answer(request: QueuesDownstreamRequest): Promise<QueuesDownstreamResponse | undefined> {
    return request.RequestTypeData === Type.Get ? this.#poll(request) : this.#settlement(request);
  }

  /**
   * After a poll that outlived its call. The server's queue of answers has one place, which the
   * poll's answer fills. If the server handles the request behind the poll before it notices the
   * end of the call, which is a matter of chance, it waits forever to queue a second answer. Then
   * it never returns the messages of the call, and sends it more.
   */
  async #hangs(): Promise<boolean> {
    const { profile, random } = this.#core;
    const request = this.#behind;
    if (request === undefined || profile.hungCalls === 0 || random() >= profile.hungCalls) return false;
    return (await this.#answer(request)) !== undefined;
  }

  #releaseAll(): void {
    for (const transaction of this.#open.values()) transaction.release();
    this.#open.clear();
  }

  /** Polls on a separate connection, or on the next shared one in turn as soon as it is free. */
  async #poll(request: QueuesDownstreamRequest): Promise<QueuesDownstreamResponse | undefined> {
    this.#isPolling = true;
    const freeConnection = await this.#core.connections?.take();
    try {
      return await this.#pollNow(request);
    } finally {
      freeConnection?.();
      this.#isPolling = false;
    }
  }

  async #pollNow(request: QueuesDownstreamRequest): Promise<QueuesDownstreamResponse | undefined> {
    const { store, clock, quirks, profile, forgotten } = this.#core;
    const response = create(QueuesDownstreamResponseSchema, {
      TransactionId: randomUUID(),
      RefRequestId: request.RequestID,
      RequestTypeData: Type.Get,
    });
    const refusal = checkGet(request);
    if (refusal !== undefined) return withRefusal(response, refusal);
    const queue = store.queue(request.Channel);
    const wish = {
      count: request.MaxItems <= 0 ? defaultMaxItems : request.MaxItems,
      countExpired: true,
      survivesRestarts: profile.pollsSurviveRestarts,
      waitMs: Math.max(minWaitMs, request.WaitTimeout),
    };
    const cancelled = profile.pollsOutliveCalls ? forgotten : this.#over.signal;
    const { end, messages, expired } = await collect(queue, wish, clock, cancelled);
    if (end === "cancelled") {
      queue.release(messages);
      return undefined;
    }
    // The server checks expiry when the poll ends: a message that expired meanwhile is not
    // delivered.
    const now = clock.now();
    const alive = messages.filter((message) => !isExpired(message, now));
    for (const message of messages) if (isExpired(message, now)) queue.expire(message);
    const transaction = new Transaction(store, queue, alive);
    if (request.AutoAck) transaction.ack(transaction.offsets);
    if (request.AutoAck || messages.length + expired === 0) this.#closed.add(response.TransactionId);
    else this.#begin(response.TransactionId, transaction);
    response.Messages = alive.map((message) => deliveryOf(queue.name, message));
    const [first] = response.Messages;
    if (quirks.doubleMessages && first !== undefined && alive.length > 1) response.Messages.unshift(first);
    return response;
  }

  #settlement(request: QueuesDownstreamRequest): QueuesDownstreamResponse | undefined {
    const { RequestTypeData: type, RefTransactionId: TransactionId, RequestID: RefRequestId } = request;
    const { confirmSettlements } = this.#core.quirks;
    if (confirmSettlements && type === Type.ActiveOffsets) return undefined;
    const settled = this.#settle(request);
    if (settled.is === "silent" || (settled.is === "settled" && !confirmSettlements)) return undefined;
    const answer = create(QueuesDownstreamResponseSchema, { TransactionId, RefRequestId, RequestTypeData: type });
    if (settled.is === "offsets") answer.ActiveOffsets = settled.offsets;
    if (settled.is !== "refused") return answer;
    if (settled.text === queueTexts.requestUnknown) answer.RequestTypeData = Type.PollRequestTypeUnknown;
    return withRefusal(answer, settled.text);
  }

  #settle(request: QueuesDownstreamRequest): Settled {
    const { RefTransactionId: id, RequestTypeData: type } = request;
    const transaction = this.#open.get(id);
    if (transaction === undefined) {
      if (!this.#closed.has(id)) return refused(queueTexts.transactionUnknown);
      return type === Type.CloseByClient ? { is: "silent" } : refused(closedText(type));
    }
    if (type === Type.ActiveOffsets) return { is: "offsets", offsets: transaction.offsets };
    if (type === Type.CloseByClient) {
      this.#close(id, transaction);
      return { is: "silent" };
    }
    const failure = settle(transaction, request);
    if (failure !== undefined) return refused(failure);
    if (transaction.isEmpty) this.#close(id, transaction);
    return { is: "settled" };
  }

  #begin(id: string, transaction: Transaction): void {
    this.#open.set(id, transaction);
    transaction.hold();
    if (!transaction.isEmpty) return;
    // Expired messages alone open a transaction too: an empty one, which hardly any client closes.
    const oldest = this.#empty.add(id);
    const forgotten = oldest === undefined ? undefined : this.#open.get(oldest);
    if (oldest !== undefined && forgotten !== undefined) this.#close(oldest, forgotten);
  }

  #close(id: string, transaction: Transaction): void {
    this.#open.delete(id);
    transaction.release();
    this.#closed.add(id);
  }
}

const refused = (text: string): Settled => ({ is: "refused", text });
