import { create } from "@bufbuild/protobuf";
import type { QueuesUpstreamRequest, QueuesUpstreamResponse } from "../../../../gen/kubemq_pb.js";
import { QueuesUpstreamResponseSchema } from "../../../../gen/kubemq_pb.js";
import type { Cancel } from "../../clock.js";
import { withRefusal } from "../checks.js";
import type { Conversation } from "./conversation.js";
import type { QueueCore } from "../model/core.js";
import { Outbox } from "./outbox.js";
import { sendMessage } from "./sending.js";
import { queueTexts } from "../texts.js";

/** How long the reordering quirk holds an answer back so that another can overtake it. */
const overtakeMs = 20;

/** One QueuesUpstream call: each request gets one response, with a result for each message. */
export class Upstream implements Conversation<QueuesUpstreamRequest, QueuesUpstreamResponse> {
  readonly outbox = new Outbox<QueuesUpstreamResponse>();
  readonly #core: QueueCore;
  #heldBack: { readonly response: QueuesUpstreamResponse; readonly cancel: Cancel } | undefined;

  constructor(core: QueueCore) {
    this.#core = core;
  }

  async receive(request: QueuesUpstreamRequest): Promise<void> {
    const response = this.#answer(request);
    const before = this.#heldBack;
    if (before === undefined && this.#core.quirks.reorderUpstream) {
      const cancel = this.#core.clock.setTimer(overtakeMs, () => void this.#letGo());
      this.#heldBack = { response, cancel };
      return;
    }
    await this.outbox.send(response);
    await this.#letGo();
  }

  close(): void {
    this.#heldBack?.cancel();
    this.#heldBack = undefined;
  }

  async #letGo(): Promise<void> {
    const held = this.#heldBack;
    if (held === undefined) return;
    this.close();
    await this.outbox.send(held.response);
  }

  #answer(request: QueuesUpstreamRequest): QueuesUpstreamResponse {
    const response = create(QueuesUpstreamResponseSchema, { RefRequestID: request.RequestID });
    if (request.Messages.length === 0) return withRefusal(response, queueTexts.emptyRequest);
    const { store, newId } = this.#core;
    response.Results = request.Messages.map((message) => sendMessage(store, message, newId).result);
    return response;
  }
}
