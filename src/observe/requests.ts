import type { Encoder } from "../api/codec.js";
import type { HandlerOptions } from "../api/message.js";
import type { CommandsClient } from "../api/requests/commands.js";
import type { IncomingQuery, QueriesClient } from "../api/requests/queries.js";
import type { IncomingRequest } from "../api/requests/request.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Activity, ActivityOutcome, Observer } from "../api/telemetry.js";
import { observeLoop } from "./loop.js";
import { beginProcess, observeCalls, processed, type Processing, sending } from "./observed.js";

export function observedCommands(client: CommandsClient, observer: Observer): CommandsClient {
  const pattern = "commands";
  const begin = (filter: SubscribeRequest<unknown>) => beginOf(observer, pattern, filter);
  return {
    send: (command, options) =>
      sending(observer, "send", pattern, command, (observed) => client.send(observed, options), outcomeOf),
    subscribe: (filter, options) => observeLoop(client.subscribe(filter, options), begin(filter)),
    handle: (filter, handler, options) => client.handle(filter, processed(begin(filter), handler), options),
  };
}

export function observedQueries(client: QueriesClient, observer: Observer): QueriesClient {
  const pattern = "queries";
  const begin = (filter: SubscribeRequest<unknown>) => beginOf(observer, pattern, filter);
  return {
    send: (query, options) =>
      sending(observer, "send", pattern, query, (observed) => client.send(observed, options), outcomeOf),
    subscribe: (filter, options) => observeLoop(client.subscribe(filter, options), begin(filter)),
    handle: <T, R>(
      filter: SubscribeRequest<T> & { responseCodec?: Encoder<R> | undefined },
      handler: (query: IncomingQuery<T>) => R | Promise<R>,
      options?: HandlerOptions<IncomingQuery<T>>,
    ) => {
      // The overloads are checked at the call site; both forms pass through here.
      const observed = filter as SubscribeRequest<T> & { responseCodec: Encoder<R> };
      return client.handle(observed, processed(begin(filter), handler), options);
    },
  };
}

/** Begins to process a request of the given subscription. */
function beginOf(
  observer: Observer,
  pattern: Processing["pattern"],
  { group, channel: subscribedTo }: SubscribeRequest<unknown>,
): (request: IncomingRequest<unknown>) => Activity {
  return (request) => {
    const { channel } = request;
    observeCalls(request, (name) => observer.begin({ type: "send", name, pattern, channel, messages: [request] }));
    return beginProcess(observer, { pattern, group, subscribedTo }, request);
  };
}

function outcomeOf({
  ok,
  tags,
  span,
}: {
  ok: boolean;
  tags: Readonly<Record<string, string>>;
  span?: Uint8Array | undefined;
}): ActivityOutcome {
  return { ok, responseTags: tags, responseSpan: span };
}
