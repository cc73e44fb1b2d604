import { create } from "@bufbuild/protobuf";
import type { StreamQueueMessagesRequest, StreamQueueMessagesResponse } from "../../../../gen/kubemq_pb.js";
import { StreamQueueMessagesResponseSchema, StreamRequestType } from "../../../../gen/kubemq_pb.js";
import type { Cancel } from "../../clock.js";
import { setImmediate } from "../../timers.js";
import { checkConsumable, checkStreamRequest } from "../checks.js";
import type { Conversation } from "./conversation.js";
import type { QueueCore } from "../model/core.js";
import type { Message } from "../model/message.js";
import { Outbox } from "./outbox.js";
import type { GiveBack } from "./poll-connections.js";
import type { Queue } from "../model/queue.js";
import { defaultWaitSeconds } from "./receiving.js";
import type { Seat } from "../model/roster.js";
import { sendMessage } from "./sending.js";
import { queueTexts } from "../texts.js";
import { deliveryOf } from "../wire.js";

/**
 * Turns of the event loop for which a settled lease remains in its queue, with `leaseEndMs`: longer
 * than a client needs to open the next lease, and shorter than two requests one after the other.
 */
const lingerTurns = 3;

/** The meaning of VisibilitySeconds 0. */
const defaultVisibilitySeconds = 60;

interface Waiting {
  readonly is: "waiting";
  readonly queue: Queue;
  readonly cancelWait: Cancel;
  /** Undefined only while it is being taken. */
  seat: Seat | undefined;
}

interface Active {
  readonly is: "active";
  readonly queue: Queue;
  readonly message: Message;
  readonly waited: Waiting;
}

type State = { readonly is: "idle" } | Waiting | Active | { readonly is: "done" };

/** The consequence of a request: an answer, the end of the call, or nothing yet. */
type Consequence = { is: "done" } | { is: "settled" } | { is: "refused"; text: string } | { is: "pending" };

const done: Consequence = { is: "done" };
const settled: Consequence = { is: "settled" };
const pending: Consequence = { is: "pending" };
const refused = (text: string): Consequence => ({ is: "refused", text });

const nothing = () => {};

/** One StreamQueueMessage call: takes one message from a queue, and ends when it is settled. */
export class MessageStream implements Conversation<StreamQueueMessagesRequest, StreamQueueMessagesResponse> {
  readonly outbox = new Outbox<StreamQueueMessagesResponse>();
  readonly #core: QueueCore;
  #state: State = { is: "idle" };
  #cancelVisibility: Cancel = nothing;
  /** Whether the lease remains in its queue when its message is settled. */
  #lingers = false;
  /** A lease holds its connection from the start of its call to the end. */
  readonly #connection: Promise<GiveBack> | undefined;
  // Responses that answer no request, such as the message itself, carry the ids of the latest
  // request.
  #latest = { RequestID: "", StreamRequestTypeData: StreamRequestType.StreamRequestTypeUnknown };

  constructor(core: QueueCore) {
    this.#core = core;
    this.#connection = core.connections?.take();
  }

  async receive(request: StreamQueueMessagesRequest): Promise<void> {
    if (this.#connection !== undefined) await this.#connection;
    // The server ignores the request by then, and does not answer.
    if (this.#state.is === "done") return;
    this.#latest = {
      RequestID: request.RequestID === "" ? this.#core.newId() : request.RequestID,
      StreamRequestTypeData: request.StreamRequestTypeData,
    };
    const refusal = checkStreamRequest(request, this.#core.profile.longestDelaySeconds);
    const consequence = refusal === undefined ? this.#handle(request) : refused(refusal);
    switch (consequence.is) {
      case "done":
        return this.#say({});
      case "refused":
        return this.#say({ IsError: true, Error: consequence.text });
      case "settled":
        if (!this.#losesLastAnswer()) void this.#say({});
        if (!this.#lingers) this.outbox.end();
        return;
      case "pending":
    }
  }

  /** The client has gone: its message goes to the tail, as if it had been rejected. */
  close(): void {
    const state = this.#leave();
    if (state.is === "active") this.#core.store.nack(state.queue, state.message);
    void this.#connection?.then((freeConnection) => freeConnection());
  }

  #losesLastAnswer(): boolean {
    const { quirks, profile, random } = this.#core;
    return quirks.loseLastAnswer || (profile.lostLastAnswers > 0 && random() < profile.lostLastAnswers);
  }

  #handle(request: StreamQueueMessagesRequest): Consequence {
    const { store, newId } = this.#core;
    switch (request.StreamRequestTypeData) {
      case StreamRequestType.ReceiveMessage:
        return this.#take(request);
      case StreamRequestType.AckMessage:
        return this.#settle(request, queueTexts.nothingToAck, ({ queue, message }) => queue.ack(message));
      case StreamRequestType.RejectMessage:
        return this.#settle(request, queueTexts.nothingToReject, ({ queue, message }) => store.nack(queue, message));
      case StreamRequestType.ResendMessage:
        return this.#replace(queueTexts.nothingToSend, ({ queue, message }) => {
          return store.requeue(queue, message, request.Channel) === undefined;
        });
      case StreamRequestType.SendModifiedMessage:
        return this.#replace(queueTexts.nothingToAck, ({ queue, message }) => {
          const { ModifiedMessage: modified } = request;
          if (modified === undefined || sendMessage(store, modified, newId).refusedBy !== "nobody") return false;
          queue.ack(message);
          return true;
        });
      case StreamRequestType.ModifyVisibility:
        this.#limitVisibility(request.VisibilitySeconds);
        return done;
      case StreamRequestType.StreamRequestTypeUnknown:
      default:
        return refused(queueTexts.streamRequestType);
    }
  }

  #take(request: StreamQueueMessagesRequest): Consequence {
    if (this.#state.is !== "idle") return refused(queueTexts.alreadyActive);
    const unsubscribable = checkConsumable(request.Channel);
    if (unsubscribable !== undefined) return refused(unsubscribable);
    const { store, clock } = this.#core;
    const queue = store.queue(request.Channel);
    const waitSeconds = request.WaitTimeSeconds === 0 ? defaultWaitSeconds : request.WaitTimeSeconds;
    const cancelWait = clock.setTimer(waitSeconds * 1000, () => this.#giveUp(queueTexts.nothingNew));
    const waiting: Waiting = { is: "waiting", queue, seat: undefined, cancelWait };
    this.#state = waiting;
    waiting.seat = queue.join({
      wants: () => this.#state === waiting,
      lingers: () => this.#lingers,
      take: (message) => {
        cancelWait();
        this.#state = { is: "active", queue, message, waited: waiting };
        queue.hold(this);
        this.#limitVisibility(request.VisibilitySeconds);
        void this.#say({ Message: deliveryOf(queue.name, message) });
      },
      // From here the server waits for as long as a message would have been visible.
      skip: () => {
        cancelWait();
        this.#limitVisibility(request.VisibilitySeconds);
      },
    });
    return pending;
  }

  #settle(
    { RefSequence: sequence }: StreamQueueMessagesRequest,
    nothingActive: string,
    settle: (active: Active) => void,
  ): Consequence {
    const state = this.#state;
    if (state.is !== "active") return refused(nothingActive);
    if (sequence !== BigInt(state.message.sequence)) return refused(queueTexts.ackSequence);
    this.#lingers = this.#core.profile.leaseEndMs > 0;
    this.#leave();
    settle(state);
    this.#leaveLater(state);
    return settled;
  }

  /** Sends another message in place of the current one, whatever sequence the request names. */
  #replace(nothingActive: string, send: (active: Active) => boolean): Consequence {
    const state = this.#state;
    if (state.is !== "active") return refused(nothingActive);
    this.#lingers = this.#core.profile.leaseEndMs > 0;
    if (!send(state)) {
      this.#lingers = false;
      return refused(queueTexts.sending);
    }
    this.#leave();
    this.#leaveLater(state);
    return settled;
  }

  /** Keeps a settled lease in its queue for a moment, and its call longer. */
  #leaveLater({ queue, waited }: Active): void {
    if (!this.#lingers) return;
    const { clock, profile } = this.#core;
    let turns = 0;
    const onTurn = () => {
      turns += 1;
      if (turns < lingerTurns) {
        setImmediate(onTurn);
        return;
      }
      this.#lingers = false;
      if (waited.seat !== undefined) queue.leave(waited.seat);
      clock.setTimer(profile.leaseEndMs, () => this.outbox.end());
    };
    setImmediate(onTurn);
  }

  #limitVisibility(seconds: number): void {
    this.#cancelVisibility();
    const ms = (seconds === 0 ? defaultVisibilitySeconds : seconds) * 1000;
    this.#cancelVisibility = this.#core.clock.setTimer(ms, () => this.#giveUp(queueTexts.visibilityExpired));
  }

  #giveUp(why: string): void {
    const state = this.#leave();
    if (state.is === "active") this.#core.store.nack(state.queue, state.message);
    void this.#say({ IsError: true, Error: why });
    this.outbox.end();
  }

  /** Leaves the queue and cancels the timer for good. Returns the previous state. */
  #leave(): State {
    const state = this.#state;
    this.#state = { is: "done" };
    this.#cancelVisibility();
    if (state.is === "active") state.queue.letGo(this);
    if (state.is === "waiting") {
      state.cancelWait();
      if (state.seat !== undefined) state.queue.leave(state.seat);
    }
    return state;
  }

  #say(answer: Pick<Partial<StreamQueueMessagesResponse>, "Message" | "IsError" | "Error">): Promise<void> {
    return this.outbox.send(create(StreamQueueMessagesResponseSchema, { ...this.#latest, ...answer }));
  }
}
