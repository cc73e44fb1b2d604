import { Code, ConnectError } from "@connectrpc/connect";
import { KubeMQClient, KubeMQError } from "kubemq-es";
import { StreamRequestType } from "kubemq-es/gen";
import { randomBytes } from "node:crypto";
import { rawClient, type RawClient } from "../broker/raw-client.js";

/** What some servers do not have. */
export type Feature = "query cache" | "channel management" | "QueuesInfo" | "StreamQueueMessage" | "QueuesUpstream";

type Probe = (address: string) => Promise<boolean>;

const probes: Readonly<Record<Feature, Probe>> = {
  "query cache": asClient(answersFromItsCache),
  "channel management": asClient(async (client) => {
    try {
      await client.channels.list("queues", "", { timeoutMs: 2_000 });
      return true;
    } catch (error) {
      return !KubeMQError.is(error, "UNSUPPORTED");
    }
  }),
  QueuesInfo: raw(async ({ rpc }) => {
    await rpc.queuesInfo({ RequestID: "probe" });
  }),
  // Requests that servers refuse, so that nothing is left behind.
  StreamQueueMessage: raw(async ({ rpc }) => {
    const refused = once({
      RequestID: "probe",
      ClientID: "probe",
      Channel: "probe",
      StreamRequestTypeData: StreamRequestType.AckMessage,
    });
    for await (const _answer of rpc.streamQueueMessage(refused)) break;
  }),
  QueuesUpstream: raw(async ({ rpc }) => {
    for await (const _answer of rpc.queuesUpstream(once({ RequestID: "probe", Messages: [] }))) break;
  }),
};

/** Finds out whether the server has a feature. */
export function probe(address: string, feature: Feature): Promise<boolean> {
  return probes[feature](address);
}

function asClient(ask: (client: KubeMQClient) => Promise<boolean>): Probe {
  return async (address) => {
    await using client = await KubeMQClient.connect({ address });
    return await ask(client);
  };
}

function raw(call: (client: RawClient) => Promise<void>): Probe {
  return async (address) => {
    using client = rawClient(address);
    try {
      await call(client);
      return true;
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unimplemented) return false;
      throw error;
    }
  };
}

/** A stream of one request, which stays open: a half-close ends some calls before their answer. */
async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
  await new Promise<void>((resolve) => setTimeout(resolve, 5_000).unref());
}

async function answersFromItsCache(client: KubeMQClient): Promise<boolean> {
  const channel = `contract.probe.${randomBytes(6).toString("hex")}`;
  const subscription = client.queries.subscribe({ channel });
  const serving = (async () => {
    for await (const query of subscription) await query.respond({ body: "answer" });
  })();
  await subscription.ready;
  const ask = () => client.queries.send({ channel, body: "question", cache: { key: channel, ttlSeconds: 60 } });
  await ask();
  const second = await ask();
  await subscription.close();
  await serving;
  return second.ok && second.cacheHit;
}
