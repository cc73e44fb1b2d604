import { checkKnown } from "../support/names/known.js";
import { STREAM_PLACES } from "../support/names/places.js";
import type { Decoder } from "../api/codec.js";
import type { EventMessage } from "../api/events.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { once } from "../connection/wire.js";
import type { StreamPlan } from "../stream/plan.js";
import { checkChannelFilter, checkGroup } from "../support/checks.js";
import type { Source } from "../transport/index.js";
import {
  eventMessage,
  eventsSubscription,
  subscribeToEventsMethod,
  type WireEventReceive,
  type WireSubscribe,
} from "./wire.js";

/** Maximum events buffered while the loop is busy. */
const CAPACITY = 256;

/** A subscription to plain events. Every attempt sends an identical request. */
export class EventsPlan<T> implements StreamPlan<WireEventReceive, EventMessage<T>> {
  readonly operation = "events.subscribe";
  readonly channel: string;
  readonly kind = "events";
  readonly capacity = CAPACITY;
  readonly #codec: Decoder<T> | undefined;
  readonly #connection: Connection;
  readonly #request: WireSubscribe;

  constructor(connection: Connection, filter: SubscribeRequest<T>) {
    const { channel, group, codec } = filter;
    checkKnown({ operation: this.operation, channel }, "", filter, ["channel", "group", "codec"], STREAM_PLACES);
    checkChannelFilter(this.operation, channel);
    const { clientId } = connection.options;
    this.channel = channel;
    this.#codec = codec;
    this.#connection = connection;
    this.#request = eventsSubscription(clientId, channel, checkGroup(this.operation, channel, group));
  }

  open(): Source<WireEventReceive> {
    return this.#connection.open(subscribeToEventsMethod, once(this.#request), this);
  }

  map(wire: WireEventReceive, receivedMs: number): EventMessage<T> {
    return eventMessage(wire, this.#codec, receivedMs);
  }
}
