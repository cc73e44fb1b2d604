import type { StartPosition } from "../api/events.js";
import { checkInteger, quote, refuse, type Subject } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";
import { nanosOf } from "../support/time/time.js";

/** A start position as servers expect it. Times are in nanoseconds since 1970. */
export type Start =
  | { readonly from: "new" | "first" | "last" }
  | { readonly from: "sequence"; readonly sequence: bigint }
  | { readonly from: "time"; readonly nanos: bigint }
  | { readonly from: "timeDelta"; readonly seconds: number };

const MAX_INT64 = 2n ** 63n - 1n;

const MAX_SECONDS = 2 ** 31 - 1;

/** Checks a start position before any byte is sent. */
export function checkStart(subject: Subject, start: StartPosition): Start {
  switch (start?.from) {
    case "new":
    case "first":
    case "last":
      checkNames(subject, start, []);
      return { from: start.from };
    case "sequence":
      checkNames(subject, start, ["sequence"]);
      return { from: "sequence", sequence: checkSequence(subject, start.sequence) };
    case "time":
      checkNames(subject, start, ["time"]);
      return { from: "time", nanos: checkTime(subject, start.time) };
    case "timeDelta":
      checkNames(subject, start, ["seconds"]);
      return { from: "timeDelta", seconds: checkInteger(subject, "start.seconds", start.seconds, 1, MAX_SECONDS) };
    default:
      throw refuse(
        subject,
        `start must be { from: "new" | "first" | "last" | "sequence" | "time" | "timeDelta" }, got ${shownStart(start)}`,
      );
  }
}

/** The part of a wrong start position that an error shows. */
function shownStart(start: unknown): string {
  if (typeof start !== "object" || start === null) return quote(start);
  return "from" in start ? `from: ${quote(start.from)}` : "no from";
}

/** A start position must not have the properties of another one, which would have no effect. */
function checkNames(subject: Subject, start: StartPosition, names: readonly string[]): void {
  const given = Object.fromEntries(Object.entries(start).filter(([, value]) => value !== undefined));
  checkKnown(subject, "start.", given, ["from", ...names]);
}

function checkSequence(subject: Subject, sequence: unknown): bigint {
  if (typeof sequence === "number" && !Number.isSafeInteger(sequence)) {
    throw refuse(subject, `start.sequence must be a safe integer or a bigint, got ${sequence}`);
  }
  if (typeof sequence !== "number" && typeof sequence !== "bigint") {
    throw refuse(subject, `start.sequence must be a bigint or a number, got ${typeof sequence}`);
  }
  const value = BigInt(sequence);
  if (value < 1n || value > MAX_INT64) {
    throw refuse(subject, `start.sequence must be from 1 to 2^63 - 1, got ${value}`);
  }
  return value;
}

function checkTime(subject: Subject, time: unknown): bigint {
  // Checked by shape: a Date of another realm, such as a jest sandbox, is not an `instanceof Date`
  // here.
  if (Object.prototype.toString.call(time) !== "[object Date]") {
    throw refuse(subject, `start.time must be a Date, got ${typeof time}`);
  }
  if (Number.isNaN((time as Date).getTime())) throw refuse(subject, "start.time must be a valid Date");
  const nanos = nanosOf(time as Date);
  if (nanos < 1n || nanos > MAX_INT64) {
    throw refuse(subject, `start.time must be after 1970 and before 2262, got ${(time as Date).toISOString()}`);
  }
  return nanos;
}
