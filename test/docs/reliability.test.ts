import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { withPromises } from "../../scripts/reliability.js";
import { chapters } from "../mutations/index.js";
import { rows } from "../mutations/rows.js";
import { root } from "./program.js";

const promises = chapters.flatMap((chapter) => chapter.promises);
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

  test("names lines that occur once in their files, and breaks that differ from them", () => {
    const wrong = promises.filter(({ file, find, replace }) => {
      const occurs = read(file).split(find).length - 1;
      return occurs !== 1 || find === replace || find.includes("\n");
    });
    expect(wrong).toEqual([]);
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
    const breaks = promises.map(({ file, find, replace }) => `${file}: ${find} -> ${replace}`);
    expect(breaks.filter((each, at) => breaks.indexOf(each) !== at)).toEqual([]);
  });
});
