import { checkInteger, checkQueueChannel, refuse, type Subject } from "../../support/checks.js";
import { checkKnown } from "../../support/names/known.js";
import { MAX_DELAY_MS } from "./retry.js";

/** A validated settlement. */
export type Settling =
  | { readonly kind: "ack" }
  | { readonly kind: "reject"; readonly delayMs: number }
  | { readonly kind: "requeue"; readonly channel: string };

/** Converts the return value of a handler. Throws INVALID_ARGUMENT for any other value. */
export function settlementOf(subject: Subject, returned: unknown): Settling {
  if (returned === undefined || returned === "ack") return { kind: "ack" };
  if (returned === "reject") return { kind: "reject", delayMs: 0 };
  if (typeof returned === "object" && returned !== null) {
    const { requeue, reject } = returned as { requeue?: unknown; reject?: { delaySeconds?: unknown } };
    if (requeue !== undefined) {
      checkKnown(subject, "", returned, ["requeue"], PLACES);
      checkQueueChannel(subject.operation, requeue, "requeue");
      return { kind: "requeue", channel: requeue };
    }
    if (typeof reject === "object" && reject !== null) {
      checkKnown(subject, "", returned, ["reject"], PLACES);
      checkKnown(subject, "reject.", reject, ["delaySeconds"]);
      const seconds = checkInteger(subject, "reject.delaySeconds", reject.delaySeconds, 1, MAX_DELAY_MS / 1_000);
      return { kind: "reject", delayMs: seconds * 1_000 };
    }
  }
  throw refuse(subject, `the handler returned ${shown(returned)}, which is not a settlement: ${ALLOWED}`);
}

const PLACES = { reject: ["delaySeconds"] };

const ALLOWED = 'return nothing or "ack", "reject", { reject: { delaySeconds } } or { requeue: "a queue" }';

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  return typeof value === "object" && value !== null
    ? `an object with ${Object.keys(value).slice(0, 5).join(", ") || "nothing in it"}`
    : String(value);
}
