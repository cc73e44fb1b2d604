import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { breakAt, markedFiles } from "../../scripts/breaks.js";
import { withPromises } from "../../scripts/reliability.js";
import { chapters } from "../mutations/index.js";
import { rows } from "../mutations/rows.js";
import { root } from "./program.js";

const promises = chapters.flatMap((chapter) => chapter.promises);
const marked = markedFiles(root);
/** What a server says is no name of ours. */
const PUBLIC = ["clientID already registered|"];
const sources = new Map<string, string>();

function read(file: string): string {
  let source = sources.get(file);
  if (source === undefined) sources.set(file, (source = readFileSync(`${root}${file}`, "utf8")));
  return source;
}

describe("RELIABILITY.md", () => {
  test("says what the list says (npm run docs:reliability writes it)", () => {
    const text = read("RELIABILITY.md");
    expect(withPromises(text)).toBe(text);
  });

  test("marks one line of the source for each promise, and none for anything else", () => {
    expect([...new Set(promises.map(({ id }) => id))].sort()).toEqual([...marked.keys()].sort());
  });

  test("breaks each marked line into something that can be parsed", () => {
    for (const { id, mutation } of promises) {
      const source = read(marked.get(id) ?? "");
      expect(breakAt(source, id, mutation)).not.toBe(source);
    }
  });

  test("names nothing private in what it replaces", () => {
    const replaced = promises.flatMap(({ mutation }) =>
      typeof mutation === "object" && "replace" in mutation ? mutation.replace : [],
    );
    expect(replaced.filter((part) => /#|\b[a-z]+[A-Z]/.test(part) && !PUBLIC.includes(part))).toEqual([]);
  });

  test("names tests that exist", () => {
    // What the names of a table are made of stands in the file, too.
    const named = [
      ...promises.map(({ test: file, name }) => [file, name] as const),
      ...rows.flatMap(({ tests }) => tests),
    ];
    expect(named.filter(([file, name]) => name.length < 8 || !read(file).includes(name))).toEqual([]);
  });

  test("promises nothing twice", () => {
    const texts = promises.map(({ promise }) => promise);
    expect(texts.filter((text, at) => texts.indexOf(text) !== at)).toEqual([]);
    const breaks = promises.map(({ id, mutation, test: file, name }) => JSON.stringify([id, mutation, file, name]));
    expect(breaks.filter((each, at) => breaks.indexOf(each) !== at)).toEqual([]);
  });
});
