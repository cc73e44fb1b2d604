import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Request, Response, ResponseSchema } from "../../../gen/kubemq_pb.js";
import { RequestSchema, Request_RequestType, Subscribe_SubscribeType } from "../../../gen/kubemq_pb.js";
import { ChannelBook } from "../channels/channel-book.js";
import { managementChannel } from "../channels/channel-requests.js";
import { checkRequest, checkRequestsSubscription, checkResponse } from "../channels/check.js";
import { envelope } from "../grpc/envelope.js";
import { internal, texts } from "../grpc/errors.js";
import { untilAborted } from "../grpc/until-aborted.js";
import { startLate } from "../channels/late-start.js";
import { Outlet } from "../channels/outlet.js";
import { QueryCache } from "./query-cache.js";
import { Inboxes, RequestRouter } from "./request-router.js";
import type { BrokerCore, CallContext, PatternChannels, PatternService } from "../service.js";
import { announce, replyOf } from "../service.js";

type Answer = MessageInitShape<typeof ResponseSchema>;

/** Commands and queries. */
export interface RequestsService extends PatternService {
  readonly commands: PatternChannels;
  readonly queries: PatternChannels;
  /** Number of unanswered requests. */
  readonly pending: () => number;
  /** Number of cached answers to queries. */
  readonly cached: () => number;
}

/** An encoded request: every responder receives the same bytes. */
interface Framed {
  readonly bytes: Uint8Array;
}

/** @param manage - answers queries to the management channel */
export function requestsService(core: BrokerCore, manage: (request: Request) => Answer): RequestsService {
  const { clock, limits, profile } = core;
  const inboxes = new Inboxes<Response>();
  const cache = new QueryCache<Response>(clock);
  const kind = (): Kind => {
    const router = new RequestRouter<Framed, Response>(clock, inboxes);
    return { router, book: new ChannelBook(clock) };
  };
  const commands = kind();
  const queries = kind();

  async function ask(request: Request, context: CallContext): Promise<Response> {
    const { Channel: channel, Body: body } = request;
    const isCommand = request.RequestTypeData === Request_RequestType.Command;
    const { router, book } = isCommand ? commands : queries;
    book.received(channel, body.length);
    const { RequestID: id, Metadata: metadata, Tags: tags } = request;
    core.onMessage?.(isCommand ? "commands" : "queries", channel, { id, metadata, body, tags });
    const asked = router.ask(channel, request.Timeout, (inbox) => {
      request.ReplyChannel = inbox;
      return { bytes: envelope(RequestSchema, request) };
    });
    book.delivered(channel, body.length, asked.copies);
    context.signal.addEventListener("abort", () => asked.abandon(), { once: true });
    const answer = await asked.answer;
    if (answer.kind === "timeout") throw internal(texts.requestTimeout);
    book.answered(channel);
    return answer.response;
  }

  async function query(request: Request, context: CallContext): Promise<Answer> {
    const { Channel: channel } = request;
    const key = profile.queryCache ? request.CacheKey : "";
    if (channel === managementChannel && profile.channelManagement) return manage(request);
    const known = key === "" ? undefined : cache.get(channel, key);
    if (known !== undefined) return { ...known, RequestID: request.RequestID, CacheHit: true };
    const response = await ask(request, context);
    response.ReplyChannel = "";
    if (key !== "" && response.Executed && response.Error === "") {
      cache.set(channel, key, request.CacheTTL, response);
    }
    return response;
  }

  async function command(request: Request, context: CallContext): Promise<Answer> {
    const response = await ask(request, context);
    return { ...response, Body: new Uint8Array(), Metadata: "", CacheHit: false, ReplyChannel: "" };
  }

  return {
    rpcs: {
      sendRequest(request, context) {
        const verdict = checkRequest(request);
        if (verdict !== undefined) throw internal(verdict);
        if (request.RequestID === "") request.RequestID = core.newId();
        return request.RequestTypeData === Request_RequestType.Command
          ? command(request, context)
          : query(request, context);
      },

      sendResponse(response) {
        const verdict = checkResponse(response);
        if (verdict !== undefined) throw internal(verdict);
        inboxes.answer(response.ReplyChannel, response);
        return {};
      },

      async *subscribeToRequests(subscribe, context): AsyncIterable<Request> {
        const verdict = checkRequestsSubscription(subscribe);
        if (verdict !== undefined) throw internal(verdict);
        const { Channel: channel, Group: group, SubscribeTypeData: type } = subscribe;
        const { router, book } = type === Subscribe_SubscribeType.Commands ? commands : queries;
        const outlet = new Outlet(replyOf(context), { clock, slowConsumerMs: limits.slowConsumerMs });
        const leave = startLate(core, () => router.subscribe(channel, group, ({ bytes }) => outlet.send(bytes)));
        if (!/[*>]/.test(channel)) book.seen(channel);
        announce(core, context);
        yield* untilAborted(context.signal, () => {
          leave();
          outlet.close();
        });
      },
    },
    commands: channelsOf(commands),
    queries: channelsOf(queries),
    pending: () => inboxes.size,
    cached: () => cache.size,
    close() {
      inboxes.clear();
      cache.clear();
    },
  };
}

interface Kind {
  readonly router: RequestRouter<Framed, Response>;
  readonly book: ChannelBook;
}

const channelsOf = ({ router, book }: Kind): PatternChannels => ({
  list: () => book.list((name) => router.responders(name)),
  create: (name) => book.create(name),
  delete: (name) => book.delete(name),
  messages: () => ({}),
});
