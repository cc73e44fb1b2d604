import { AssertionError } from "node:assert/strict";
import { inspect } from "node:util";
import { within } from "../support/until.js";
import { Lacking, ServerWorld, type Server, type World } from "./world.js";

/** Shows that a promise holds; rejects when it does not. */
export type Check = (world: World) => Promise<void>;

/** The promises of one part of the client. Each is named by the sentence that documents print. */
export interface Suite {
  readonly title: string;
  readonly promises: Readonly<Record<string, Check>>;
  /** Promises about time or load: they are checked one at a time, after all others. */
  readonly alone?: Readonly<Record<string, Check>>;
}

/** What the check of a promise found. */
export type Outcome =
  | { readonly kind: "holds" }
  | { readonly kind: "lacking"; readonly why: string }
  | { readonly kind: "broken"; readonly why: string };

/** Longer than any check takes on a busy machine. */
export const CHECK_MS = 45_000;

/** Checks a promise on a server, in a world of its own. */
export async function outcomeOf(server: Server, check: Check): Promise<Outcome> {
  const world = new ServerWorld(server);
  try {
    await within(CHECK_MS, "the check ends", check(world));
    return { kind: "holds" };
  } catch (error) {
    if (error instanceof Lacking) return { kind: "lacking", why: error.message };
    return { kind: "broken", why: reasonOf(error) };
  } finally {
    await world[Symbol.asyncDispose]();
  }
}

/** What was wrong, in one line, and where. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = error.message } = error;
  if (!(error instanceof AssertionError) || !error.generatedMessage) return stack;
  return `got ${short(error.actual)} instead of ${short(error.expected)}\n${stack}`;
}

const short = (value: unknown) => inspect(value, { breakLength: Infinity, maxArrayLength: 8, maxStringLength: 80 });
