import type { ChannelTemplate, PlainName } from "../api/contracts/channel.js";
import type {
  Contracted,
  EventsContract,
  EventsPattern,
  MessageDetails,
  PatternContracted,
  StoreContract,
} from "../api/contracts/contract.js";
import type { Codec } from "../api/codec.js";
import type { OutgoingMessage } from "../api/message.js";
import type { SentAs } from "../api/sent-as.js";
import { checkChannelFilter, checkStoredChannel } from "../support/checks.js";
import { checkCodec } from "./codec.js";
import { define } from "./define.js";
import { checkDetails } from "./details.js";
import { form } from "./form.js";
import { madeBy } from "../support/message/contract-kind.js";

/**
 * A contract for events. A channel name with wildcards makes a pattern, which only subscribes. A
 * name with parameters, such as `orders.{id}`, makes a template: `for({ id })` is the contract of
 * one channel, and `all` subscribes to every channel.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the channel name is not valid
 * @example
 * export const orderPlaced = events("orders.placed", json(Order));
 * await client.events.publish(orderPlaced, order);
 */
export function events<N extends string, T, A>(
  channel: N | ChannelTemplate<N>,
  codec: Codec<T, A>,
): PatternContracted<N, EventsContract<T, A>, EventsPattern<T, A>> {
  const operation = "events";
  checkCodec(operation, channel, "the codec of events", codec);
  return define(channel, {
    kind: "events",
    operation,
    check: checkChannelFilter,
    contract: (name) => new DefinedEvents(name, codec),
    pattern: (name) => new DefinedEventsPattern(name, codec),
  }) as PatternContracted<N, EventsContract<T, A>, EventsPattern<T, A>>;
}

/**
 * A contract for stored events. A name with parameters, such as `ledger-{account}`, makes a
 * template: `for({ account })` is the contract of one channel. The store has no wildcards.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the channel name is not valid for the store
 * @example
 * export const ledger = store("ledger", json(Entry));
 * await client.eventsStore.publish(ledger, entry);
 */
export function store<N extends string, T, A>(
  channel: PlainName<N, "store"> | ChannelTemplate<N>,
  codec: Codec<T, A>,
): Contracted<N, StoreContract<T, A>> {
  const operation = "store";
  checkCodec(operation, channel, "the codec of store", codec);
  return define(channel as N, {
    kind: "eventsStore",
    operation,
    check: checkStoredChannel,
    contract: (name) => new DefinedStore(name, codec),
  }) as Contracted<N, StoreContract<T, A>>;
}

class DefinedEventsPattern<T, A> implements EventsPattern<T, A> {
  readonly kind = "events";
  readonly name: string;
  readonly codec: Codec<T, A>;

  constructor(name: string, codec: Codec<T, A>) {
    this.name = name;
    this.codec = codec;
  }

  get [form](): "pattern" | "contract" {
    return "pattern";
  }
}

class DefinedEvents<T, A> extends DefinedEventsPattern<T, A> implements EventsContract<T, A> {
  override get [form](): "contract" {
    return "contract";
  }

  message(value: A, details?: MessageDetails): OutgoingMessage<A> & SentAs<"events"> {
    checkDetails("events.message", this.name, details);
    return { ...details, ...madeBy(this.kind), channel: this.name, body: value, codec: this.codec };
  }
}

class DefinedStore<T, A> implements StoreContract<T, A> {
  readonly kind = "eventsStore";
  readonly name: string;
  readonly codec: Codec<T, A>;

  constructor(name: string, codec: Codec<T, A>) {
    this.name = name;
    this.codec = codec;
  }

  get [form](): "contract" {
    return "contract";
  }

  message(value: A, details?: MessageDetails): OutgoingMessage<A> & SentAs<"eventsStore"> {
    checkDetails("store.message", this.name, details);
    return { ...details, ...madeBy(this.kind), channel: this.name, body: value, codec: this.codec };
  }
}
