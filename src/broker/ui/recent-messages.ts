import type { Clock } from "../clock.js";
import type { ChannelKind, OnMessage } from "../service.js";

// The page keeps at most 200 channels x 20 messages x 4 KiB of bodies: 16 MiB.
const mostChannels = 200;
const mostMessages = 20;
const mostBytes = 4096;
const mostCharacters = 4096;

/** A message as the page shows it. */
export interface RecentMessage {
  /** Counts the messages of all channels, so that the page can tell new ones. */
  readonly number: number;
  readonly id: string;
  /** When the broker accepted it, in milliseconds since 1970. */
  readonly at: number;
  readonly metadata: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly encoding: "utf8" | "hex";
  /** The beginning of the body, in this encoding. */
  readonly body: string;
  /** The size of the whole body. */
  readonly bytes: number;
  /** Whether `body`, `metadata` or a tag is incomplete. */
  readonly cut: boolean;
}

interface Kept extends Omit<RecentMessage, "encoding" | "body"> {
  readonly start: Uint8Array;
}

/** The last messages of the channels that were used last. */
export class RecentMessages {
  readonly #clock: Clock;
  readonly #channels = new Map<string, Kept[]>();
  #number = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly add: OnMessage = (kind, channel, { id, metadata, body, tags }) => {
    const key = keyOf(kind, channel);
    const kept = this.#channels.get(key) ?? [];
    // The most recently used channel is the last one.
    this.#channels.delete(key);
    this.#channels.set(key, kept);
    if (this.#channels.size > mostChannels) {
      const [oldest] = this.#channels.keys();
      if (oldest !== undefined) this.#channels.delete(oldest);
    }
    const shortTags = Object.entries(tags).map(([name, value]) => [cutString(name), cutString(value)] as const);
    kept.push({
      number: ++this.#number,
      id,
      at: Number(this.#clock.now() / 1_000_000n),
      metadata: cutString(metadata),
      tags: Object.fromEntries(shortTags.slice(0, mostMessages)),
      // A copy: the body may be a part of a large buffer.
      start: body.slice(0, mostBytes),
      bytes: body.length,
      cut: body.length > mostBytes || metadata.length > mostCharacters || shortTags.length > mostMessages,
    });
    if (kept.length > mostMessages) kept.shift();
  };

  /** The last messages of a channel, the newest first. */
  of(kind: ChannelKind, channel: string): RecentMessage[] {
    const kept = this.#channels.get(keyOf(kind, channel)) ?? [];
    return kept.map(({ start, ...message }) => ({ ...message, ...readable(start, message.bytes) })).reverse();
  }

  clear(): void {
    this.#channels.clear();
  }
}

const keyOf = (kind: ChannelKind, channel: string) => `${kind} ${channel}`;

const cutString = (value: string) => (value.length > mostCharacters ? value.slice(0, mostCharacters) : value);

/** The string if the bytes are UTF-8, else hexadecimal digits. */
export function readable(start: Uint8Array, bytes: number): Pick<RecentMessage, "encoding" | "body"> {
  try {
    // `stream` accepts a last character that was cut in the middle.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { encoding: "utf8", body: decoder.decode(start, { stream: start.length < bytes }) };
  } catch {
    return { encoding: "hex", body: Buffer.from(start.buffer, start.byteOffset, start.length).toString("hex") };
  }
}
