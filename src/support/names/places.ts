import type { ChannelKind } from "../../api/server.js";
import type { Places } from "./known.js";

/** Where the options of a single call belong that are found in its request. */
export const CALL_PLACES: Places = { "the options, the second argument": ["signal", "timeoutMs"] };

/** Where the options of a stream belong that are found in its request. */
export const STREAM_PLACES: Places = { "the options, the second argument": ["signal", "reconnect"] };

const inRequest = (...names: readonly string[]): Places => ({ "the request, the first argument": names });

/**
 * Where the properties of a request belong that are found in the options of its stream or handlers.
 */
export const REQUEST_PLACES: Readonly<Record<ChannelKind, Places>> = {
  events: inRequest("channel", "group", "codec"),
  eventsStore: inRequest("channel", "group", "codec", "start", "quietMs"),
  commands: inRequest("channel", "group", "codec"),
  queries: inRequest("channel", "group", "codec", "responseCodec"),
  queues: inRequest("channel", "codec", "settle", "prefetch", "visibilitySeconds", "autoExtend", "max", "waitSeconds"),
};
