import type { ChannelKind } from "../../api/server.js";
import { refuse } from "../checks.js";

/**
 * The kind of the contract that made a message. A registered symbol: messages of another copy of
 * this package have it, too.
 */
const contractKind: unique symbol = Symbol.for("kubemq-es.contract-kind");

/**
 * Refuses a message that a contract of another kind has made. Its policy or its cache would be
 * lost, and its receivers wait on a channel of the other kind.
 *
 * @param operation - such as `queues.send`: it begins with its kind
 * @throws {KubeMQError} INVALID_ARGUMENT
 */
export function checkContractKind(
  operation: string,
  message: { readonly channel: string; readonly [contractKind]?: ChannelKind },
): void {
  const kind = message[contractKind];
  if (kind === undefined || operation.startsWith(`${kind}.`)) return;
  throw refuse(
    { operation, channel: message.channel },
    `the message was made by a contract for ${kind}: send it by client.${kind}`,
  );
}

/** The mark of a message that a contract of this kind makes. */
export function madeBy(kind: ChannelKind): { readonly [contractKind]: ChannelKind } {
  return { [contractKind]: kind };
}
