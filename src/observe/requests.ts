import type { Encoder } from "../api/codec.js";
import type { CallOptions, HandlerOptions, Payload } from "../api/message.js";
import type {
  CommandsClient,
  FailureReply,
  IncomingCommand,
  IncomingQuery,
  IncomingRequest,
  QueriesClient,
  Reply,
} from "../api/requests.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Activity, ActivityOutcome, Observer } from "../api/telemetry.js";
import {
  beginProcess,
  carrying,
  during,
  observeLoop,
  processed,
  type Processing,
  replace,
  sending,
} from "./observed.js";

export function observedCommands(client: CommandsClient, observer: Observer): CommandsClient {
  const pattern = "commands";
  const begin = <T>(group: string | undefined) => {
    return (command: IncomingCommand<T>) => {
      const activity = beginRequest(observer, { pattern, group }, command);
      replace(command, "respond", (respond) => (response?: Reply, options?: CallOptions) => {
        const activity = beginResponse(observer, "respond", pattern, command);
        return during(activity, () => respond(carrying(activity, response ?? {}), options));
      });
      return activity;
    };
  };
  return {
    send: (command, options) =>
      sending(observer, "send", pattern, command, (observed) => client.send(observed, options), outcomeOf),
    subscribe: (filter, options) => observeLoop(client.subscribe(filter, options), begin(filter.group)),
    handle: (filter, handler, options) => client.handle(filter, processed(begin(filter.group), handler), options),
  };
}

export function observedQueries(client: QueriesClient, observer: Observer): QueriesClient {
  const pattern = "queries";
  const begin = <T>(group: string | undefined) => {
    return (query: IncomingQuery<T>) => {
      const activity = beginRequest(observer, { pattern, group }, query);
      replace(query, "respond", (respond) => <R>(response: Reply & Payload<R>, options?: CallOptions) => {
        const activity = beginResponse(observer, "respond", pattern, query);
        return during(activity, () => respond(carrying(activity, response), options));
      });
      return activity;
    };
  };
  return {
    send: (query, options) =>
      sending(observer, "send", pattern, query, (observed) => client.send(observed, options), outcomeOf),
    subscribe: (filter, options) => observeLoop(client.subscribe(filter, options), begin(filter.group)),
    handle: <T, R>(
      filter: SubscribeRequest<T> & { responseCodec?: Encoder<R> | undefined },
      handler: (query: IncomingQuery<T>) => R | Promise<R>,
      options?: HandlerOptions<IncomingQuery<T>>,
    ) => {
      // The overloads are checked at the call site; both forms pass through here.
      const observed = filter as SubscribeRequest<T> & { responseCodec: Encoder<R> };
      return client.handle(observed, processed(begin<T>(filter.group), handler), options);
    },
  };
}

function beginRequest(observer: Observer, processing: Processing, request: IncomingRequest<unknown>): Activity {
  replace(
    request,
    "fail",
    (fail) => (error: string | Error, reply?: FailureReply & CallOptions) =>
      during(beginResponse(observer, "fail", processing.pattern, request), () => fail(error, reply)),
  );
  return beginProcess(observer, processing, request);
}

function beginResponse(
  observer: Observer,
  name: "respond" | "fail",
  pattern: Processing["pattern"],
  request: IncomingRequest<unknown>,
): Activity {
  return observer.begin({ type: "send", name, pattern, channel: request.channel, messages: [request] });
}

function outcomeOf({ ok, tags }: { ok: boolean; tags: Readonly<Record<string, string>> }): ActivityOutcome {
  return { ok, responseTags: tags };
}
