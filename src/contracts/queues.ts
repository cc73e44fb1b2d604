import type { ChannelTemplate, PlainName } from "../api/contracts/channel.js";
import type { Contracted, QueueContract, QueueMessageDetails } from "../api/contracts/contract.js";
import type { Codec } from "../api/codec.js";
import type { OutgoingQueueMessage, QueuePolicy } from "../api/queues/message.js";
import { checkQueueChannel } from "../support/checks.js";
import { checkCodec } from "./codec.js";
import { define } from "./define.js";
import { checkDetails } from "./details.js";
import { form } from "./form.js";
import { checkPolicy } from "../support/message/policy.js";
import { madeBy } from "../support/message/contract-kind.js";

/**
 * A contract for the messages of a queue, with the policy of each message that is sent. A name with
 * parameters, such as `jobs-{region}`, makes a template: `for({ region })` is the contract of one
 * queue.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the channel name is not valid for a queue, or the
 *   policy for a message
 * @example
 * const deadLetter = { queue: "mails.failed", maxReceiveCount: 5 };
 * export const mails = queue("mails", json(Mail), { deadLetter });
 * await client.queues.send(mails, { to: "ada@example.com" });
 */
export function queue<N extends string, T, A>(
  channel: PlainName<N, "queue"> | ChannelTemplate<N>,
  codec: Codec<T, A>,
  policy?: QueuePolicy,
): Contracted<N, QueueContract<T, A>> {
  const operation = "queue";
  checkCodec(operation, channel, "the codec of queue", codec);
  checkPolicy({ operation }, policy); // promise: contract-policy-checked
  return define(channel as N, {
    kind: "queues",
    operation,
    check: checkQueueChannel,
    contract: (name) => new DefinedQueue(name, codec, policy),
  }) as Contracted<N, QueueContract<T, A>>;
}

class DefinedQueue<T, A> implements QueueContract<T, A> {
  readonly kind = "queues";
  readonly name: string;
  readonly codec: Codec<T, A>;
  readonly policy: QueuePolicy | undefined;

  constructor(name: string, codec: Codec<T, A>, policy: QueuePolicy | undefined) {
    this.name = name;
    this.codec = codec;
    this.policy = policy;
  }

  get [form](): "contract" {
    return "contract";
  }

  message(value: A, details?: QueueMessageDetails): OutgoingQueueMessage<A> {
    const { name, codec } = this;
    checkDetails("queue.message", name, details, ["policy"], {
      policy: ["delaySeconds", "expirationSeconds", "deadLetter"],
    });
    // promise: contract-policy-merged
    const policy = details?.policy === undefined ? this.policy : { ...this.policy, ...details.policy };
    return {
      ...details,
      ...madeBy(this.kind),
      channel: name,
      body: value,
      codec,
      ...(policy !== undefined && { policy }),
    };
  }
}
