import { checkKnown, type Places } from "../support/names/known.js";

const DETAILS = ["id", "metadata", "tags"];

/** Refuses details of a message that do not exist: a misspelt one would be lost. */
export function checkDetails(
  operation: string,
  channel: string,
  details: unknown,
  more: readonly string[] = [],
  places?: Places,
): void {
  // promise: contract-details-known
  if (details !== undefined) checkKnown({ operation, channel }, "", details, [...DETAILS, ...more], places);
}
