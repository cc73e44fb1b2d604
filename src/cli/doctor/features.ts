import { type KubeMQClient, KubeMQError } from "../../index.js";
import { absent, ok, reasonOf, type Finding } from "./finding.js";
import { grpcStatus, sessionTo } from "./http2.js";
import type { Target } from "./target.js";

/** A generous limit for the time in which a server lists its channels, in milliseconds. */
const LIST_TIMEOUT_MS = 1_500;

const UNIMPLEMENTED = "12";

/** The features that only some servers have. */
export async function* checkFeatures(client: KubeMQClient, target: Target): AsyncGenerator<Finding, void> {
  const session = sessionTo(target);
  session.on("error", () => {});
  try {
    const has = async (method: string) => (await grpcStatus(session, target, method)) !== UNIMPLEMENTED;
    yield (await has("QueuesInfo"))
      ? ok("queues-info", "the server counts the messages of queues (QueuesInfo)")
      : absent("queues-info", "no QueuesInfo", "`queues info` and `top` use the list of channels");
    yield (await has("StreamQueueMessage"))
      ? ok("leases", "visibilitySeconds works (StreamQueueMessage)")
      : absent(
          "leases",
          "no StreamQueueMessage",
          "consume without visibilitySeconds; messages are held by the connection",
        );
  } finally {
    session.destroy();
  }
  yield await checkChannels(client);
}

async function checkChannels(client: KubeMQClient): Promise<Finding> {
  try {
    await client.channels.list("queues", "kubemq-es.doctor", { timeoutMs: LIST_TIMEOUT_MS });
    return ok("channels", "the server lists, creates and deletes channels");
  } catch (error) {
    const detail = KubeMQError.is(error, "UNSUPPORTED") ? "no channel management" : reasonOf(error);
    return absent("channels", detail, "open-source servers have none: a channel is created by its first use");
  }
}
