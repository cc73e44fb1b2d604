import type { AuthToken, ClientOptions } from "../api/options.js";
import { fault } from "../support/faults.js";
import { textOfThrown } from "../support/thrown.js";
import { isHeaderValue } from "./options.js";

/** Headers in the form that Connect accepts. */
export type CallHeader = Readonly<Record<string, string>> | undefined;

/**
 * The `authorization` header of every call: the token without a scheme. The token appears in no
 * error and no status.
 */
export class Token {
  readonly #source: ClientOptions["authToken"];
  #header: CallHeader;
  /** The last token, which a provider may name in its error. */
  #last: string | undefined;
  #expiresAt = Infinity;
  #fetching: Promise<CallHeader> | undefined;
  /** The server refused a token and has not accepted one since. */
  #refused = false;
  /**
   * Tokens fetched after a refusal. A second refusal is final; otherwise every call would ask the
   * provider without end.
   */
  readonly #lastTries = new WeakSet<object>();

  constructor(source: ClientOptions["authToken"]) {
    this.#source = source;
    if (typeof source === "string") this.#header = headerOf(source);
  }

  /** Returns the header for a new call, synchronously while the token is known and valid. */
  header(): CallHeader | Promise<CallHeader> {
    if (typeof this.#source !== "function") return this.#header;
    if (this.#header !== undefined && Date.now() < this.#expiresAt) return this.#header; // promise: token-expires
    // All waiting calls share one call of the provider.
    this.#fetching ??= this.#fetch(this.#source).finally(() => (this.#fetching = undefined)); // promise: token-shared
    return this.#fetching;
  }

  /** Reports that the server accepted the token of `used`. */
  accepted(used: CallHeader): void {
    if (!this.#refused || used === undefined || used !== this.#header) return;
    this.#refused = false;
    this.#lastTries.delete(used);
  }

  /**
   * Reports that the server refused the token of `used`. Returns true when a retry with a new token
   * may help, which is once.
   */
  refused(used: CallHeader): boolean {
    if (typeof this.#source !== "function" || used === undefined) return false; // promise: static-token-final
    // Later calls always fetch a new token: the provider may return a different one by then.
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
      // Retryable: a provider can recover, as a network can.
      throw fault("UNAUTHENTICATED", subject, `the token provider failed: ${this.#reasonOf(cause)}`, {
        cause,
        retryable: true,
      });
    }
    const { token, expiresAt } = typeof given === "string" ? { token: given, expiresAt: undefined } : (given ?? {});
    if (!isHeaderValue(token)) {
      throw fault("UNAUTHENTICATED", subject, "the token provider must return a string of visible ASCII characters");
    }
    const header = headerOf(token);
    if (this.#refused) this.#lastTries.add(header);
    const until = expiresAt?.getTime() ?? Infinity;
    // An expiry in the past: this machine's clock is ahead, or the provider caches its tokens.
    // Asking again for each call would return the same token.
    this.#expiresAt = until > Date.now() ? until : Infinity;
    this.#header = header;
    this.#last = token;
    return header;
  }

  #reasonOf(cause: unknown): string {
    const reason = textOfThrown(cause);
    return this.#last === undefined ? reason : reason.replaceAll(this.#last, "…"); // promise: provider-error-without-token
  }
}

/** Frozen, because the transport reads an immutable header once for all calls. */
function headerOf(authorization: string): Readonly<Record<string, string>> {
  return Object.freeze({ authorization });
}
