import type { Decoder } from "../../api/codec.js";
import { KubeMQError } from "../../api/errors.js";
import type { Incoming } from "../../api/message.js";
import { json } from "../../payload/json.js";
import { bytes } from "../../payload/text.js";
import { customInspect, type InspectArguments, shown, shownBody } from "../inspect.js";
import { issuesOf } from "./payload.js";
import { textOfThrown } from "../thrown.js";

const decoder = new TextDecoder();

const unread = Symbol("unread");

/** The properties of a received message that every pattern has. */
export interface IncomingParts {
  readonly id: string;
  readonly channel: string;
  readonly metadata: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly hasInvalidText: boolean;
}

/** A received message; patterns add their own properties. */
export class IncomingMessage<T> implements Incoming<T> {
  readonly id: string;
  readonly channel: string;
  readonly metadata: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly hasInvalidText: boolean;
  readonly #codec: Decoder<T> | undefined;
  #value: T | typeof unread = unread;

  constructor(parts: IncomingParts, codec: Decoder<T> | undefined) {
    this.id = parts.id;
    this.channel = parts.channel;
    this.metadata = parts.metadata;
    this.tags = parts.tags;
    this.body = parts.body;
    this.hasInvalidText = parts.hasInvalidText;
    this.#codec = codec;
  }

  get value(): T {
    if (this.#value === unread) this.#value = this.#decode((this.#codec ?? bytes) as Decoder<T>);
    return this.#value;
  }

  text(): string {
    return decoder.decode(this.body);
  }

  json<U = unknown>(): U {
    return this.#decode(json<U>());
  }

  /** A plain object for JSON: sequences as strings, times in ISO form, the body in base64. */
  toJSON(): Record<string, unknown> {
    const { id, channel, metadata, tags, hasInvalidText, body } = this;
    return {
      id,
      channel,
      metadata,
      tags,
      ...(hasInvalidText ? { hasInvalidText } : {}),
      body: Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64"),
    };
  }

  [customInspect](...inspection: InspectArguments): string {
    const { id, channel, metadata, tags, hasInvalidText, body } = this;
    const properties = {
      channel,
      id,
      ...this.shownProperties(),
      metadata: metadata === "" ? undefined : metadata,
      tags: Object.keys(tags).length === 0 ? undefined : tags,
      hasInvalidText: hasInvalidText ? true : undefined,
      body: shownBody(body),
    };
    return shown(this.shownType, properties, inspection);
  }

  /** The public type of the message. */
  protected get shownType(): string {
    return "Message";
  }

  /** What the pattern shows in addition; undefined values are left out. */
  protected shownProperties(): Record<string, unknown> {
    return {};
  }

  #decode<V>(codec: Decoder<V>): V {
    try {
      return codec.decode(this.body, this);
    } catch (cause) {
      const why = textOfThrown(cause);
      throw new KubeMQError("DECODE_FAILED", `cannot decode message ${this.id} of ${this.channel}: ${why}`, {
        cause,
        channel: this.channel,
        ...issuesOf(cause),
      });
    }
  }
}
