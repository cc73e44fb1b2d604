/** The five patterns. A channel name means another channel in each. */
export type ChannelKind = "events" | "eventsStore" | "commands" | "queries" | "queues";
