import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Request, ResponseSchema } from "../../../gen/kubemq_pb.js";
import { checkQueueName, isStorable } from "./check.js";
import type { BrokerProfile } from "../profile.js";
import type { BrokerCore, ChannelActivity, PatternChannels, Traffic } from "../service.js";

/** The channel for requests that manage channels. */
export const managementChannel = "kubemq.cluster.internal.requests";

/** The channels of every pattern, by the pattern's name in requests. */
export type ChannelCatalog = Readonly<Record<ChannelType, PatternChannels>>;

const types = ["events", "events_store", "commands", "queries", "queues"] as const;
export type ChannelType = (typeof types)[number];

const stored: ReadonlySet<ChannelType> = new Set(["events_store", "queues"]);

type Outcome = { readonly body: string } | { readonly error: string };

/**
 * Answers a request to the management channel. Creating an existing channel and deleting a missing
 * one both succeed: the caller wants the outcome.
 */
export function answerChannelRequest(
  request: Request,
  catalog: ChannelCatalog,
  { clock, profile }: Pick<BrokerCore, "clock" | "profile">,
  snapshots: { missing: number },
): MessageInitShape<typeof ResponseSchema> {
  const outcome = snapshots.missing > 0 ? notReady() : carryOut(request, catalog, profile);
  snapshots.missing -= 1;
  const answer = { RequestID: request.RequestID, ClientID: request.ClientID, Timestamp: clock.now() };
  // Some clients check Executed and some check Error, so the two never contradict each other.
  return "error" in outcome
    ? { ...answer, Executed: false, Error: outcome.error }
    : { ...answer, Executed: true, Body: new TextEncoder().encode(outcome.body) };
}

/** A cluster answers so for some seconds after its start. */
const notReady = (): Outcome => ({ error: "cluster snapshot not ready yet" });

function carryOut(
  { Metadata: operation, Tags }: Request,
  catalog: ChannelCatalog,
  { channelList }: BrokerProfile,
): Outcome {
  const type = types.find((name) => name === Tags["channel_type"]);
  if (type === undefined) {
    return { error: `channel_type must be one of ${types.join(", ")}, but is "${Tags["channel_type"] ?? ""}"` };
  }
  const channels = catalog[type];
  if (operation === "list-channels") {
    const items = list(type, channels, Tags["channel_search"] ?? "");
    return { body: channelList === "array" ? JSON.stringify(items) : JSON.stringify({ items }, omitEmpty) };
  }
  if (operation !== "create-channel" && operation !== "delete-channel") {
    return { error: `operation "${operation}" is not known: create-channel, delete-channel or list-channels` };
  }
  const name = Tags["channel"] ?? "";
  if (checkQueueName(name) !== undefined || (stored.has(type) && !isStorable(name))) {
    return { error: `"${name}" is not a valid name for a channel of ${type}` };
  }
  if (operation === "create-channel") channels.create(name);
  else channels.delete(name);
  return { body: "" };
}

/** Replacer that omits zero counts and objects without any, as Go's `omitempty` does. */
const omitEmpty = (_key: string, value: unknown) => {
  const isEmpty = value === 0 || (isTraffic(value) && Object.values(value).every((count) => count === 0));
  return isEmpty ? undefined : value;
};

const isTraffic = (value: unknown): value is Traffic =>
  typeof value === "object" && value !== null && "volume" in value;

function list(type: ChannelType, channels: PatternChannels, search: string) {
  const matches = matcher(search);
  return [...channels.list()]
    .filter(({ name }) => matches(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((activity) => item(type, activity));
}

// Every type has every key: Python's SDK fails on a missing key, and none fails on an extra one.
const item = (type: ChannelType, { name, lastActivity, isActive, incoming, outgoing }: ChannelActivity) => ({
  name,
  type,
  lastActivity: Number(lastActivity / 1_000_000n),
  isActive,
  incoming,
  outgoing,
});

// Some SDKs document the search as part of the name, others as a regular expression: both are
// tried.
function matcher(search: string): (name: string) => boolean {
  if (search === "") return () => true;
  try {
    const pattern = new RegExp(search);
    return (name) => name.includes(search) || pattern.test(name);
  } catch {
    return (name) => name.includes(search);
  }
}
