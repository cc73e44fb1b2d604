import type { AuthToken, ClientOptions } from "../api/options.js";
import { fault } from "../support/faults.js";
import { isHeaderValue } from "./options.js";

/** Headers as Connect takes them. */
export type CallHeader = Readonly<Record<string, string>> | undefined;

/**
 * The `authorization` header of every call: the token as it is, without a scheme. The token itself is in no error and no status.
 */
export class Token {
  readonly #source: ClientOptions["authToken"];
  #header: CallHeader;
  #expiresAt = Infinity;
  #fetching: Promise<CallHeader> | undefined;
  /** The server refused a token and has not accepted one since. */
  #refused = false;
  /** What was fetched after a refusal: refused as well, it is the end, or every call would ask the provider for ever. */
  readonly #lastTries = new WeakSet<object>();

  constructor(source: ClientOptions["authToken"]) {
    this.#source = source;
    if (typeof source === "string") this.#header = headerOf(source);
  }

  /** The header for a new call; at once when the token is known and good. */
  header(): CallHeader | Promise<CallHeader> {
    if (typeof this.#source !== "function") return this.#header;
    if (this.#header !== undefined && Date.now() < this.#expiresAt) return this.#header; // promise: token-expires
    // All calls that wait share one call of the provider.
    this.#fetching ??= this.#fetch(this.#source).finally(() => (this.#fetching = undefined)); // promise: token-shared
    return this.#fetching;
  }

  /** The server took the token of `used`. */
  accepted(used: CallHeader): void {
    if (!this.#refused || used === undefined || used !== this.#header) return;
    this.#refused = false;
    this.#lastTries.delete(used);
  }

  /** The server refused the token of `used`. True when a call with a fresh one is worth trying: once. */
  refused(used: CallHeader): boolean {
    if (typeof this.#source !== "function" || used === undefined) return false; // promise: static-token-final
    // Later calls begin with a fresh one in any case: the provider may know better by then.
    if (used === this.#header) this.#header = undefined;
    if (this.#lastTries.has(used)) return false; // promise: token-fetched-once
    this.#refused = true;
    return true;
  }

  async #fetch(provider: () => AuthToken | Promise<AuthToken>): Promise<CallHeader> {
    const subject = { operation: "authToken" };
    let given: AuthToken;
    try {
      given = await provider();
    } catch (cause) {
      // It may well come back, as the network does.
      throw fault("UNAUTHENTICATED", subject, "the token provider failed", { cause, retryable: true });
    }
    const { token, expiresAt } = typeof given === "string" ? { token: given, expiresAt: undefined } : (given ?? {});
    if (!isHeaderValue(token)) {
      throw fault("UNAUTHENTICATED", subject, "the token provider gave no text of visible ASCII characters");
    }
    const header = headerOf(token);
    if (this.#refused) this.#lastTries.add(header);
    const until = expiresAt?.getTime() ?? Infinity;
    // A clock that is ahead, or a provider with a cache of its own: asking again for each call would bring the same token.
    this.#expiresAt = until > Date.now() ? until : Infinity;
    this.#header = header;
    return header;
  }
}

/** Frozen: the transport reads a header that cannot change once for all calls. */
function headerOf(authorization: string): Readonly<Record<string, string>> {
  return Object.freeze({ authorization });
}
