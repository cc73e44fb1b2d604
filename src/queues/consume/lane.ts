import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { Uplink } from "../../stream/uplink.js";
import type { Subject } from "../../support/checks.js";
import { cancelled, connectionLost, serverError, toKubeMQError } from "../../support/faults.js";
import { withoutRepeats } from "../received-message.js";
import { alreadySettled, leaseLost } from "../settle-fault.js";
import type { WireQueueMessage } from "../wire.js";
import { Hold } from "./hold.js";
import { type Confirming, Settlements, type SettlementsOwner } from "./settlements.js";
import {
  closeRequest,
  downstreamAnswer,
  getRequest,
  queuesDownstreamMethod,
  type SettleKind,
  type WireDownstreamRequest,
  type WireDownstreamResponse,
} from "./wire.js";

/** What one poll brought. */
export interface Polled {
  readonly transaction: string;
  readonly messages: readonly WireQueueMessage[];
  readonly asked: number;
  readonly tookMs: number;
}

export interface LaneOwner {
  readonly connection: Connection;
  readonly confirming: Confirming;
  polled(lane: Lane, polled: Polled): void;
  /** So many messages are settled, as far as this side goes: the requests are written. Negative: a refusal opened them again. */
  settling(lane: Lane, count: number): void;
  /** A settlement has its outcome. */
  concluded(lane: Lane): void;
  failed(lane: Lane, error: KubeMQError): void;
}

/**
 * One QueuesDownstream call. Its requests are served one after another, so a poll that waits would hold up the settlements behind
 * it: who owns the lane polls only while nothing on it is unsettled.
 */
export class Lane implements SettlementsOwner {
  readonly connection: Connection;
  readonly confirming: Confirming;
  readonly subject: Subject & { readonly channel: string };
  readonly #owner: LaneOwner;
  readonly #uplink = new Uplink<WireDownstreamRequest>();
  readonly #controller = new AbortController();
  readonly #settlements = new Settlements(this);
  #requests = 0;
  #poll: { readonly id: string; readonly asked: number; readonly at: number } | undefined;
  /** How many of its messages no settlement was written for. */
  #unsettled = 0;
  #ended: KubeMQError | undefined;

  constructor(owner: LaneOwner, subject: Subject & { readonly channel: string }) {
    this.#owner = owner;
    this.connection = owner.connection;
    this.confirming = owner.confirming;
    this.subject = subject;
    void this.#read(owner.connection.stream(queuesDownstreamMethod, this.#uplink, this.#controller.signal, subject));
  }

  /** Whether a poll would hold nothing up. */
  get isFree(): boolean {
    // promise: no-settlement-behind-poll
    return this.#poll === undefined && this.#unsettled === 0 && this.#ended === undefined;
  }

  /** Whether settlements are on their way. */
  get isSettling(): boolean {
    return !this.#settlements.areConcluded;
  }

  /** Whether nothing is handed out, nor on its way back. */
  get isQuiet(): boolean {
    return this.#unsettled === 0 && !this.isSettling;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  poll(max: number, waitMs: number, autoAck: boolean): void {
    const { channel } = this.subject;
    const id = this.request((id, clientId) => getRequest(id, clientId, channel, max, waitMs, autoAck));
    this.#poll = { id, asked: max, at: this.connection.clock.now() };
  }

  hold(message: WireQueueMessage, transaction: string): Hold {
    this.#unsettled += 1;
    return new Hold(message.Attributes?.Sequence ?? 0n, transaction);
  }

  /** A message that will not be handed out: it returns to its queue with the end of the lane. */
  release(hold: Hold): void {
    if (!hold.isOpen) return;
    hold.close();
    this.#unsettled -= 1;
  }

  settle(hold: Hold, kind: SettleKind, channel = ""): Promise<void> {
    if (!hold.isOpen) return Promise.reject(alreadySettled(this.subject, hold.sequence)); // promise: settled-twice
    // promise: settled-after-loss
    if (this.#ended !== undefined) return Promise.reject(leaseLost(this.subject, hold.sequence, this.#ended));
    return this.#settlements.add(hold, kind, channel);
  }

  /** What the server still holds open of a transaction; undefined when this server does not tell, or the call is over. */
  openSequences(transaction: string): Promise<readonly bigint[] | undefined> {
    return this.hasEnded ? Promise.resolve(undefined) : this.#settlements.openSequences(transaction);
  }

  /** Ends the call: what is open on it returns to its queue. */
  cancel(): void {
    this.#end(connectionLost(this.subject, "the stream was left"));
  }

  request(make: (id: string, clientId: string) => WireDownstreamRequest): string {
    this.#requests += 1;
    const id = this.#requests.toString(36);
    const request = make(id, this.connection.options.clientId);
    this.#uplink.send(request)?.catch(() => {}); // the end of the call is seen where it is read
    return id;
  }

  flushed(): Promise<void> {
    return this.#uplink.flushed();
  }

  settling(count: number): void {
    this.#unsettled -= count;
    this.#owner.settling(this, count);
  }

  concluded(): void {
    this.#owner.concluded(this);
  }

  async #read(answers: AsyncIterable<readonly WireDownstreamResponse[]>): Promise<void> {
    let error: KubeMQError;
    try {
      for await (const responses of answers) for (const response of responses) this.#received(response);
      error = connectionLost(this.subject, "the server ended the stream");
    } catch (cause) {
      error = toKubeMQError(cause, this.subject);
    }
    this.#fail(error);
  }

  #received(response: WireDownstreamResponse): void {
    if (this.#ended !== undefined) return;
    switch (downstreamAnswer(response)) {
      case "poll":
        return this.#polled(response);
      case "end":
        return this.#fail(connectionLost(this.subject, "the server closes this stream"));
      case "other":
        return this.#settlements.answered(response);
    }
  }

  #polled(response: WireDownstreamResponse): void {
    const poll = this.#poll;
    if (poll === undefined || response.RefRequestId !== poll.id) return;
    this.#poll = undefined;
    if (response.IsError) return this.#fail(serverError(response.Error, this.subject));
    const messages = withoutRepeats(response.Messages); // promise: repeats-dropped
    const transaction = response.TransactionId;
    // A poll that came back empty since all had expired has left a transaction open, which swallows what comes next.
    // promise: empty-poll-closed
    if (messages.length === 0) this.request((id, clientId) => closeRequest(id, clientId, transaction));
    const tookMs = this.connection.clock.now() - poll.at;
    this.#owner.polled(this, { transaction, messages, asked: poll.asked, tookMs });
  }

  #fail(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#end(error);
    this.#owner.failed(this, error);
  }

  #end(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#poll = undefined;
    this.#controller.abort(cancelled());
    this.#settlements.end(error);
  }
}
