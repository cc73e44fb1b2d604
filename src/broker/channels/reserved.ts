import { internal } from "../grpc/errors.js";
import type { Rpcs } from "../service.js";

/** Channels of the Kafka connector, on servers that have it. */
const RESERVED = /^(kafka\.|_KAFKA_)/;

const REFUSAL = "Error 443: channel is reserved for internal connector use";

type AnyHandler = (request: unknown, context: unknown) => unknown;

/** Refuses every request that names a reserved channel, before any other check. */
export function withoutReserved(rpcs: Rpcs): Rpcs {
  const guarded = Object.entries(rpcs).map(([name, handler]) => [name, guard(handler as AnyHandler)] as const);
  return Object.fromEntries(guarded) as Rpcs;
}

function guard(handler: AnyHandler): AnyHandler {
  return (request, context) => {
    if (!isStream(request)) refuseReserved(request);
    return handler(isStream(request) ? checked(request) : request, context);
  };
}

async function* checked(requests: AsyncIterable<unknown>): AsyncGenerator {
  for await (const request of requests) {
    refuseReserved(request);
    yield request;
  }
}

function refuseReserved(request: unknown): void {
  const { Channel, Messages = [] } = request as { Channel?: string; Messages?: readonly { Channel: string }[] };
  for (const channel of [Channel, ...Messages.map((message) => message.Channel)]) {
    if (channel !== undefined && RESERVED.test(channel)) throw internal(REFUSAL);
  }
}

const isStream = (request: unknown): request is AsyncIterable<unknown> =>
  typeof request === "object" && request !== null && Symbol.asyncIterator in request;
