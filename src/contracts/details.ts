import { checkKnown, type Places } from "../support/names/known.js";

const DETAILS = ["id", "metadata", "tags"];

/** Refuses unknown details of a message, because a misspelt one would have no effect. */
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
