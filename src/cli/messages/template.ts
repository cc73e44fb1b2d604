import { InvalidArgumentError, Option, type Command } from "commander";

const FIELDS = ["channel", "id", "body", "metadata", "tags", "sequence", "timestamp", "receivedAt", "receiveCount"];

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\" };

export function formatOption(command: Command): Command {
  return command.addOption(formatted());
}

export function formatted(): Option {
  return new Option(
    "--format <template>",
    `the line of a message: {${FIELDS.join("}, {")}} or {tags.NAME}, with \\n and \\t`,
  ).argParser(template);
}

/** Parses a template; returns what replaces its fields by those of a record. */
export function template(text: string): (record: object) => string {
  const parts = text.split(/(\{[^{}]*\}|\\[nt\\])/).map((part) => {
    if (/^\\[nt\\]$/.test(part)) return ESCAPES[part.slice(1)] ?? part;
    if (!/^\{.*\}$/s.test(part)) return part;
    return fieldOf(part.slice(1, -1));
  });
  return (record) => parts.map((part) => (typeof part === "string" ? part : part(record))).join("");
}

function fieldOf(name: string): (record: object) => string {
  if (FIELDS.includes(name)) return (record) => shown(name, record as Record<string, unknown>);
  if (/^tags\../s.test(name)) {
    const tag = name.slice("tags.".length);
    return (record) => ("tags" in record ? ((record.tags as Record<string, string>)[tag] ?? "") : "");
  }
  throw new InvalidArgumentError(`{${name}} is not a field of a message: ${FIELDS.join(", ")}, tags.NAME.`);
}

function shown(name: string, record: Record<string, unknown>): string {
  const value = name === "body" ? (record["body"] ?? record["bodyBase64"]) : record[name];
  if (value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return value.toString();
  return typeof value === "string" ? value : JSON.stringify(value);
}
