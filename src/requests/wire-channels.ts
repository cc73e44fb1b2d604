import type { ChannelInfo, ChannelKind, ChannelStats } from "../api/server.js";
import type { Subject } from "../support/checks.js";
import { fault } from "../support/faults.js";
import { dateOf } from "./wire.js";

/**
 * Parses a channel list: a JSON array, or an object with the array as `channels` or `items`.
 * Servers omit fields that a kind of channel does not have.
 */
export function channelList(body: Uint8Array, kind: ChannelKind, subject: Subject): ChannelInfo[] {
  if (body.length === 0) return [];
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw fault("PROTOCOL", subject, "the server's list of channels is not JSON", { cause });
  }
  const { channels, items } = fields(list);
  list = channels ?? items ?? list;
  if (list === null) return [];
  if (!Array.isArray(list)) throw fault("PROTOCOL", subject, "the server's list of channels is not an array");
  return list.map((item: unknown) => {
    const channel = fields(item);
    const name = channel["name"];
    if (typeof name !== "string") throw fault("PROTOCOL", subject, "the server lists a channel without a name");
    return {
      name,
      kind,
      active: channel["isActive"] === true,
      lastActivity: dateOf(BigInt(Math.trunc(count(channel["lastActivity"])))) ?? new Date(0),
      incoming: stats(channel["incoming"]),
      outgoing: stats(channel["outgoing"]),
    };
  });
}

function stats(value: unknown): ChannelStats {
  const { messages, volume, waiting, expired, delayed, responses } = fields(value);
  return {
    messages: count(messages),
    volume: count(volume),
    waiting: count(waiting),
    expired: count(expired),
    delayed: count(delayed),
    responses: count(responses),
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
