import type { QueuePolicy } from "../../api/queues/message.js";
import { checkInteger, checkQueueChannel, refuse, type Subject } from "../checks.js";
import { checkKnown } from "../names/known.js";

const POLICY = ["expirationSeconds", "delaySeconds", "deadLetter"];

const PLACES = { "policy.deadLetter": ["queue", "maxReceiveCount"] };

/** Counts and times of policies travel as int32. */
const MOST = 2 ** 31 - 1;

/** @throws {KubeMQError} INVALID_ARGUMENT when no server would accept the policy of a message */
export function checkPolicy(subject: Subject, policy: unknown): asserts policy is QueuePolicy | undefined {
  if (policy === undefined) return;
  if (typeof policy !== "object" || policy === null) throw refuse(subject, "policy must be an object");
  checkKnown(subject, "policy.", policy, POLICY, PLACES);
  const { expirationSeconds, delaySeconds, deadLetter } = policy as QueuePolicy;
  if (expirationSeconds !== undefined) {
    checkInteger(subject, "policy.expirationSeconds", expirationSeconds, 1, MOST);
  }
  if (delaySeconds !== undefined) checkInteger(subject, "policy.delaySeconds", delaySeconds, 1, MOST);
  if (deadLetter === undefined) return;
  if (typeof deadLetter !== "object" || deadLetter === null) {
    throw refuse(subject, "policy.deadLetter must have a queue and a maxReceiveCount");
  }
  checkKnown(subject, "policy.deadLetter.", deadLetter, ["queue", "maxReceiveCount"]);
  checkQueueChannel(subject.operation, deadLetter.queue, "policy.deadLetter.queue");
  checkInteger(subject, "policy.deadLetter.maxReceiveCount", deadLetter.maxReceiveCount, 1, MOST);
}
