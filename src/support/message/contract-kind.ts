import type { ChannelKind } from "../../api/server.js";
import { contractKind, type SentAs } from "../../api/sent-as.js";
import { refuse } from "../checks.js";

/**
 * Refuses a message that a contract of another kind has made. Its policy or its cache would be
 * lost, and its receivers wait on a channel of the other kind.
 *
 * @param operation - such as `queues.send`: it begins with its kind
 * @throws {KubeMQError} INVALID_ARGUMENT for a message of another kind
 */
export function checkContractKind(
  operation: string,
  message: { readonly channel: string } & SentAs<ChannelKind>,
): void {
  const kind = message[contractKind];
  if (kind === undefined || operation.startsWith(`${kind}.`)) return;
  throw refuse(
    { operation, channel: message.channel },
    `the message was made by a contract for ${kind}: send it by client.${kind}`,
  );
}

/** The mark of a message that a contract of this kind makes. */
export function madeBy<Kind extends ChannelKind>(kind: Kind): SentAs<Kind> {
  return { [contractKind]: kind };
}
