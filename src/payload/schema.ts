import type { StandardIssue, StandardSchemaV1 } from "../api/codec.js";
import { type Issue, KubeMQError } from "../api/errors.js";

/**
 * Validates a value by a schema and returns the result of the schema.
 *
 * @throws {KubeMQError} ENCODE_FAILED or DECODE_FAILED when the value is invalid, with its issues,
 *   or when the schema is asynchronous
 */
export function validate<O>(
  code: "ENCODE_FAILED" | "DECODE_FAILED",
  schema: StandardSchemaV1<unknown, O>,
  value: unknown,
): O {
  const result = schema["~standard"].validate(value);
  // promise: schema-async-refused
  if ("then" in result) {
    // The result is unused, but a rejection must not end the process.
    result.then(undefined, () => {}); // promise: schema-rejection-handled
    throw new KubeMQError(
      code,
      "the schema validates asynchronously, but a codec is synchronous: remove asynchronous checks from the schema, and functions that throw, which Zod calls again asynchronously",
    );
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(issueOf);
  const subject = code === "ENCODE_FAILED" ? "value" : "body";
  const described = issues.map(({ message, path }) => (path.length === 0 ? message : `${pathText(path)}: ${message}`));
  throw new KubeMQError(code, `${subject} does not match its schema: ${described.join("; ")}`, { issues });
}

function issueOf({ message, path = [] }: StandardIssue): Issue {
  return { message, path: path.map((part) => (typeof part === "object" ? part.key : part)) };
}

/** Writes a path as JavaScript does: `items[2].price`. */
function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "string" && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key))
      text += text === "" ? key : `.${key}`;
    else text += `[${typeof key === "string" ? JSON.stringify(key) : String(key)}]`;
  }
  return text;
}
