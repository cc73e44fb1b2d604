/**
 * The message of any thrown value. Checks the shape, because errors of another realm are not
 * `instanceof Error`. Never throws: some values have no string, such as `Object.create(null)`.
 */
export function textOfThrown(thrown: unknown): string {
  try {
    const message = (thrown as { readonly message?: unknown } | undefined | null)?.message;
    return typeof message === "string" && message !== "" ? message : String(thrown);
  } catch {
    return "a thrown value that cannot be converted to a string";
  }
}
