import { checkKnown } from "../support/option-names.js";

const DETAILS = ["id", "metadata", "tags"];

/** Refuses details of a message that do not exist: a misspelt one would be lost. */
export function checkDetails(operation: string, channel: string, details: unknown, more: readonly string[] = []): void {
  // promise: contract-details-known
  if (details !== undefined) checkKnown({ operation, channel }, "", details, [...DETAILS, ...more]);
}
