import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { breakAt, markedFiles } from "../../scripts/breaks.js";
import { GUARANTEES, PROMISES, promisesPage, withFaults } from "../../scripts/reliability.js";
import { chapters } from "../mutations/index.js";
import { rows } from "../mutations/rows.js";
import { root } from "./program.js";

const promises = chapters.flatMap((chapter) => chapter.promises);
const marked = markedFiles(root);
/** A server's message, not a private name. */
const PUBLIC = ["clientID already registered|"];
const sources = new Map<string, string>();

function read(file: string): string {
  let source = sources.get(file);
  if (source === undefined) sources.set(file, (source = readFileSync(`${root}${file}`, "utf8")));
  return source;
}

describe("the list of promises", () => {
  test("test/PROMISES.md and docs/guarantees.md are up to date (npm run docs:reliability writes them)", () => {
    expect(read(PROMISES)).toBe(promisesPage());
    const guarantees = read(GUARANTEES);
    expect(withFaults(guarantees)).toBe(guarantees);
  });

  test("each promise marks one line of the source, and each mark belongs to a promise", () => {
    expect([...new Set(promises.map(({ id }) => id))].sort()).toEqual([...marked.keys()].sort());
  });

  test("each mutation yields a source file that can be parsed", () => {
    for (const { id, mutation } of promises) {
      const source = read(marked.get(id) ?? "");
      expect(breakAt(source, id, mutation)).not.toBe(source);
    }
  });

  test("no mutation names a private identifier", () => {
    const replaced = promises.flatMap(({ mutation }) =>
      typeof mutation === "object" && "replace" in mutation ? mutation.replace : [],
    );
    expect(replaced.filter((part) => /#|\b[a-z]+[A-Z]/.test(part) && !PUBLIC.includes(part))).toEqual([]);
  });

  test("every named test exists", () => {
    // The templates of test.each names are in the file, too.
    const named = [
      ...promises.map(({ test: file, name }) => [file, name] as const),
      ...rows.flatMap(({ tests }) => tests),
    ];
    expect(named.filter(([file, name]) => name.length < 8 || !read(file).includes(name))).toEqual([]);
  });

  test("no promise is listed twice", () => {
    const texts = promises.map(({ promise }) => promise);
    expect(texts.filter((text, at) => texts.indexOf(text) !== at)).toEqual([]);
    const breaks = promises.map(({ id, mutation, test: file, name }) => JSON.stringify([id, mutation, file, name]));
    expect(breaks.filter((each, at) => breaks.indexOf(each) !== at)).toEqual([]);
  });
});
