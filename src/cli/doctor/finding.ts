/** The result of a check. Advice says what to do about it. */
export interface Finding {
  readonly check: string;
  readonly outcome: "ok" | "failed" | "absent";
  readonly detail: string;
  readonly advice?: string;
  /** Exit code of the command, for a failure that ends the diagnosis. */
  readonly exitCode?: number;
}

export function ok(check: string, detail: string): Finding {
  return { check, outcome: "ok", detail };
}

/** The server lacks a feature, which is no failure. */
export function absent(check: string, detail: string, advice: string): Finding {
  return { check, outcome: "absent", detail, advice };
}

export function failed(check: string, detail: string, advice: string, exitCode: number): Finding {
  return { check, outcome: "failed", detail, advice, exitCode };
}

/**
 * Checks shapes: an error of Node.js is not an `Error` of another realm, such as a jest sandbox.
 */
function isErrorLike(error: unknown): error is { readonly message?: unknown; readonly code?: unknown } {
  return typeof error === "object" && error !== null;
}

/** The message of an error; of OpenSSL's errors, which have places in its source, the reason. */
export function reasonOf(error: unknown): string {
  if (!isErrorLike(error)) return String(error);
  if ("reason" in error && typeof error.reason === "string") return error.reason;
  return typeof error.message === "string" && error.message !== "" ? error.message : (codeOf(error) ?? "unknown");
}

export function codeOf(error: unknown): string | undefined {
  return isErrorLike(error) && typeof error.code === "string" ? error.code : undefined;
}

export const milliseconds = (ms: number) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
