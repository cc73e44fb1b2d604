// Breaks a marked line of source. The mark `// promise: <id>` is at the end of that line, or on the
// line before it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "@swc/core";
import type { Mutation } from "../test/mutations/promise.js";

const MARK = /\/\/ promise: ([a-z0-9-]+)$/;
const SYNTAX = { syntax: "typescript", target: "es2022" } as const;

/** The ids that a source file marks, each with its line number, counted from 0. */
export function marksOf(source: string): (readonly [id: string, line: number])[] {
  const lines = source.split("\n");
  const isComment = (at: number) => lines[at]?.trimStart().startsWith("//") === true;
  return lines.flatMap((line, at) => {
    if (!line.includes("// promise:")) return [];
    const id = MARK.exec(line)?.[1];
    if (id === undefined) throw new Error(`malformed promise mark: ${line.trim()}`);
    let marked = at;
    while (isComment(marked)) marked += 1;
    return [[id, marked] as const];
  });
}

/** The file of each id in `src/`, as a path from the root. */
export function markedFiles(root: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const file = `src/${name.replaceAll("\\", "/")}`;
    for (const [id] of marksOf(readFileSync(join(root, file), "utf8"))) {
      const other = files.get(id);
      if (other !== undefined) throw new Error(`"// promise: ${id}" is in ${other} and again in ${file}`);
      files.set(id, file);
    }
  }
  return files;
}

/**
 * Returns a source file broken at a mark. Throws when the mutation does not fit the line or yields
 * invalid TypeScript.
 */
export function breakAt(source: string, id: string, mutation: Mutation): string {
  const marks = marksOf(source).filter(([each]) => each === id);
  const [mark] = marks;
  if (mark === undefined || marks.length > 1) throw new Error(`"${id}" is marked ${marks.length} times`);
  const lines = source.split("\n");
  const start = lines.slice(0, mark[1]).join("\n").length + 1;
  const code = (lines[mark[1]] ?? "").replace(MARK, "").trimEnd();
  const edit = editOf(new MarkedLine(source, start, code), mutation);
  if (edit === undefined) throw new Error(`${JSON.stringify(mutation)} does not fit this line: ${code.trim()}`);
  const broken = source.slice(0, edit.start) + edit.text + source.slice(edit.end);
  if (broken === source) throw new Error(`${JSON.stringify(mutation)} changes nothing: ${code.trim()}`);
  try {
    parseSync(broken, SYNTAX);
  } catch (cause) {
    throw new Error(`${JSON.stringify(mutation)} is not valid TypeScript after: ${code.trim()}`, { cause });
  }
  return broken;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Edit extends Range {
  readonly text: string;
}

/** A node of swc's syntax tree. `start` and `end` count characters of the source. */
interface Node extends Range {
  readonly type: string;
  readonly [part: string]: unknown;
}

// swc's positions count the bytes of all sources parsed so far. An empty statement before the
// source marks its start.
function parse(source: string): Node {
  const bytes = Buffer.from(`;${source}`);
  const module = parseSync(bytes.toString(), SYNTAX);
  const first = module.body[0]?.span.start ?? 0;
  const isAscii = bytes.length === source.length + 1;
  const at = (offset: number) => (isAscii ? offset - first : bytes.subarray(0, offset - first).toString().length) - 1;
  const place = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(place);
    if (typeof value !== "object" || value === null) return value;
    const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, place(part)]));
    const { span } = value as { span?: Range };
    if (span !== undefined) return { ...parts, start: at(span.start), end: at(span.end) };
    const { key, value: given } = parts; // a property of an object has no span
    return isNode(key) && isNode(given) ? { ...parts, start: key.start, end: given.end } : parts;
  };
  return place(module) as Node;
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value;

function* within(value: unknown): Generator<Node> {
  if (isNode(value)) yield value;
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) yield* within(part);
}

const known = new Map<string, readonly Node[]>();

/**
 * All nodes of a source, outer ones first. Cached, because a file usually keeps several promises.
 */
function nodesOf(source: string): readonly Node[] {
  let nodes = known.get(source);
  if (nodes === undefined) known.set(source, (nodes = [...within(parse(source))]));
  return nodes;
}

const FUNCTIONS = ["ArrowFunctionExpression", "FunctionExpression"];
const CHOICES = ["IfStatement", "WhileStatement", "ConditionalExpression"];
const LOGICAL = ["&&", "||", "??"];

/** The nodes that begin on a line, outer ones first. */
class MarkedLine {
  readonly #source: string;
  readonly start: number;
  readonly code: string;
  readonly nodes: readonly Node[];

  constructor(source: string, start: number, code: string) {
    this.#source = source;
    this.start = start;
    this.code = code;
    const end = start + code.length;
    this.nodes = nodesOf(source).filter((node) => node.start >= start && node.start < end);
  }

  textOf({ start, end }: Range): string {
    return this.#source.slice(start, end);
  }

  first(...types: string[]): Node | undefined {
    return this.nodes.find(({ type }) => types.includes(type));
  }

  /**
   * The expression that decides: the test of the first `if`, `while` or `?:`, or the value returned
   * or assigned.
   */
  get condition(): Node | undefined {
    const choice = this.first(...CHOICES);
    const value = choice?.["test"] ?? this.first("ReturnStatement")?.["argument"];
    const given = value ?? this.first("VariableDeclarator")?.["init"] ?? this.first("AssignmentExpression")?.["right"];
    return isNode(given) ? given : undefined;
  }

  /** The operands of the condition at every level, in source order. */
  get operands(): readonly Operand[] {
    return operandsOf(this.condition);
  }
}

interface Operand extends Range {
  /** The enclosing operation, and its other operand. */
  readonly whole: Range;
  readonly other: Range;
}

function operandsOf(node: unknown): Operand[] {
  if (!isNode(node)) return [];
  if (node.type === "ParenthesisExpression") return operandsOf(node["expression"]);
  if (node.type !== "BinaryExpression" || !LOGICAL.includes(String(node["operator"]))) return [];
  const { left, right } = node as unknown as { left: Node; right: Node };
  const parts = [
    [left, right],
    [right, left],
  ] as const;
  return parts.flatMap(([part, other]) => {
    const inner = operandsOf(part);
    return inner.length > 0 ? inner : [{ ...part, whole: node, other }];
  });
}

function editOf(line: MarkedLine, mutation: Mutation): Edit | undefined {
  const put = (range: Range | undefined, text: string) => range && { start: range.start, end: range.end, text };
  if (mutation === "drop") {
    const found = droppable(line);
    return put(found, found?.type === "KeyValueProperty" ? "...{}" : found?.type === "SwitchCase" ? "" : ";");
  }
  if (mutation === "delay") {
    const statement = droppable(line);
    return statement && put(statement, `setTimeout(() => { ${line.textOf(statement)} }, 200);`);
  }
  if (mutation === "always" || mutation === "never") return put(line.condition, String(mutation === "always"));
  const innermost = line.nodes.filter(({ type }) => FUNCTIONS.includes(type)).at(-1);
  if (mutation === "empty") return put(innermost, "() => {}");
  if (mutation === "once") {
    return innermost && put(innermost, `((first) => () => (first ??= [(${line.textOf(innermost)})()])[0])()`);
  }
  if (mutation === "bare") {
    const args = line.first("CallExpression")?.["arguments"] as { expression: Node }[] | undefined;
    const [first, last] = [args?.[0]?.expression, args?.at(-1)?.expression];
    return first && last && { start: first.start, end: last.end, text: "" };
  }
  if ("without" in mutation) {
    const operand = line.operands[mutation.without];
    return operand && put(operand.whole, line.textOf(operand.other));
  }
  if ("argument" in mutation) {
    const call = line.first("CallExpression");
    const { expression } = (call?.["arguments"] as { expression: Node }[] | undefined)?.[mutation.argument] ?? {};
    return expression && put(call, line.textOf(expression));
  }
  const [from, to] = mutation.replace;
  const [before, after, ...more] = line.code.split(from);
  if (before === undefined || after === undefined || more.length > 0) return undefined;
  return { start: line.start + before.length, end: line.start + before.length + from.length, text: to };
}

/**
 * The first statement, property or case of the line; for an `if` with an `else`, the statement
 * between them. Never a declaration: the test would fail because of the missing name, whatever it
 * checks.
 */
function droppable(line: MarkedLine): Node | undefined {
  const found = line.nodes.find(({ type }) => /Statement$|Declaration$|^SwitchCase$|^KeyValueProperty$/.test(type));
  if (found === undefined || /Declaration$|^BlockStatement$/.test(found.type)) return undefined;
  const { alternate, consequent } = found;
  return isNode(alternate) && isNode(consequent) ? consequent : found;
}
