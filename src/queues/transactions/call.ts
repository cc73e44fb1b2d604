import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { Uplink } from "../../stream/send/uplink.js";
import type { Subject } from "../../support/checks.js";
import { connectionLost, serverError, toKubeMQError } from "../../support/faults.js";
import type { Source } from "../../transport/index.js";
import { withoutRepeats } from "../received-message.js";
import type { WireQueueMessage } from "../wire.js";
import {
  closeRequest,
  downstreamAnswer,
  getRequest,
  queuesDownstreamMethod,
  type WireDownstreamRequest,
  type WireDownstreamResponse,
} from "./wire.js";

/** The result of one poll. */
export interface Polled {
  readonly transaction: string;
  readonly messages: readonly WireQueueMessage[];
  readonly asked: number;
  readonly tookMs: number;
}

/** Receives the answers of a call. */
export interface CallOwner {
  polled(call: Call, polled: Polled): void;
  /** An answer to a settlement or to a fence. */
  answered(response: WireDownstreamResponse): void;
  failed(call: Call, error: KubeMQError): void;
}

/**
 * One QueuesDownstream call. The server serves its requests one after another, so a waiting poll
 * delays the requests behind it.
 */
export class Call {
  readonly #owner: CallOwner;
  readonly #connection: Connection;
  readonly #subject: Subject & { readonly channel: string };
  readonly #nextId: () => string;
  readonly #uplink = new Uplink<WireDownstreamRequest>();
  readonly #source: Source<WireDownstreamResponse>;
  /** Messages of this call without a written settlement. */
  unsettled = 0;
  #poll: { readonly id: string; readonly asked: number; readonly at: number } | undefined;
  #hasEnded = false;

  /** @param nextId creates request ids, unique among all calls of a consumer */
  constructor(
    owner: CallOwner,
    connection: Connection,
    subject: Subject & { readonly channel: string },
    nextId: () => string,
  ) {
    this.#owner = owner;
    this.#connection = connection;
    this.#subject = subject;
    this.#nextId = nextId;
    this.#source = connection.open(queuesDownstreamMethod, this.#uplink, subject);
    this.#source.read({
      message: (response) => {
        this.#received(response);
        return true;
      },
      end: (error) => {
        const ended = error ?? connectionLost(subject, "the server ended the stream");
        this.#fail(toKubeMQError(ended, subject));
      },
    });
  }

  /** Whether a poll is unanswered. Requests written now are served after it. */
  get isPolling(): boolean {
    return this.#poll !== undefined;
  }

  /** Whether a poll would delay no other request. */
  get isFree(): boolean {
    // promise: no-settlement-behind-poll
    return this.#poll === undefined && this.unsettled === 0 && !this.#hasEnded;
  }

  poll(max: number, waitMs: number): void {
    const { channel } = this.#subject;
    const id = this.send((id, clientId) => getRequest(id, clientId, channel, max, waitMs));
    this.#poll = { id, asked: max, at: this.#connection.clock.now() };
  }

  /**
   * Returns the unsettled messages of a transaction to their place in the queue. The server sends
   * no answer.
   */
  close(transaction: string): void {
    this.send((id, clientId) => closeRequest(id, clientId, transaction));
  }

  /** Sends a request with a new id, and returns the id. */
  send(make: (id: string, clientId: string) => WireDownstreamRequest): string {
    const id = this.#nextId();
    const request = make(id, this.#connection.options.clientId);
    this.#uplink.send(request)?.catch(() => {}); // the end of the call is handled where it is read
    return id;
  }

  /** Resolves when all requests so far have been written. */
  flushed(): Promise<void> {
    return this.#uplink.flushed();
  }

  /**
   * Ends the call. Its unsettled messages return to the queue. All requests after the last poll
   * must be answered first: a community server (v2.4.0) that cannot send an answer never closes the
   * transactions of the call.
   */
  cancel(): void {
    this.#hasEnded = true;
    this.#poll = undefined;
    this.#source.cancel();
  }

  #received(response: WireDownstreamResponse): void {
    if (this.#hasEnded) return;
    switch (downstreamAnswer(response)) {
      case "poll":
        return this.#polled(response);
      case "end":
        return this.#fail(connectionLost(this.#subject, "the server closes this stream"));
      case "other":
        return this.#owner.answered(response);
    }
  }

  #polled(response: WireDownstreamResponse): void {
    const poll = this.#poll;
    if (poll === undefined || response.RefRequestId !== poll.id) return;
    this.#poll = undefined;
    if (response.IsError) return this.#fail(serverError(response.Error, this.#subject));
    const messages = withoutRepeats(response.Messages); // promise: repeats-dropped
    const transaction = response.TransactionId;
    // A poll whose messages had all expired leaves an empty transaction open, which would swallow
    // the next messages.
    // promise: empty-poll-closed
    if (messages.length === 0) this.close(transaction);
    const tookMs = this.#connection.clock.now() - poll.at;
    this.#owner.polled(this, { transaction, messages, asked: poll.asked, tookMs });
  }

  #fail(error: KubeMQError): void {
    if (this.#hasEnded) return;
    this.cancel();
    this.#owner.failed(this, error);
  }
}
