import type { CallOptions, SendOptions } from "../../api/message.js";
import type { Subject } from "../checks.js";
import { checkKnown } from "./known.js";

const PLACES = {
  "the message": ["channel", "body", "codec", "id", "metadata", "tags", "policy", "span", "cache", "responseCodec"],
  "the request": ["max", "waitSeconds"],
  "policy of the message": ["delaySeconds", "expirationSeconds", "deadLetter"],
};

/**
 * Refuses options that a single call does not have.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when an option has another name
 */
export function checkCallOptions(subject: Subject, options: CallOptions | undefined): void {
  checkKnown(subject, "", options, ["signal", "timeoutMs"], PLACES); // promise: call-options-known
}

/**
 * Refuses options that a call that sends does not have.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when an option has another name
 */
export function checkSendOptions(subject: Subject, options: SendOptions | undefined): void {
  checkKnown(subject, "", options, ["signal", "timeoutMs", "resend"], PLACES);
}
