// Breaks each line that keeps a promise, in a copy of the source tree, and expects the named test
// to fail.
//   npm run test:mutations                  all promises
//   npm run test:mutations -- --only TEXT   promises with TEXT in their wording, id, mutation, test file or
//                                           test name; may be given several times
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chapters } from "../test/mutations/index.js";
import type { HeldPromise } from "../test/mutations/promise.js";
import { breakAt, markedFiles } from "./breaks.js";
import { Copies, root, runJest, type Ended } from "./jest-runs.js";

/** Number of concurrent jest runs. */
const RUNNERS = 2;
/** A test that hangs because of the break is killed, and counts as failed. */
const BOUND_MS = 60_000;
/** Default time limit of a test, unless the test sets its own. */
const TEST_TIMEOUT_MS = 10_000;
const GREEN_BOUND_MS = 600_000;

const literally = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

function chosen(): HeldPromise[] {
  const all = chapters.flatMap(({ promises }) => promises);
  const { values } = parseArgs({ options: { only: { type: "string", multiple: true, default: [""] } } });
  return all.filter((held) => values.only.some((part) => JSON.stringify(Object.values(held)).includes(part)));
}

/** The promises whose tests fail without a break, with the reason. Such tests prove nothing. */
async function findRed(copy: string, promises: readonly HeldPromise[]): Promise<Map<HeldPromise, string>> {
  const files = [...new Set(promises.map(({ test }) => test))];
  const pattern = [...new Set(promises.map(({ name }) => literally(name)))].join("|");
  const ended = await runJest(copy, files, pattern, GREEN_BOUND_MS);
  const results = ended.kind === "ended" ? ended.results : [];
  const red = new Map<HeldPromise, string>();
  for (const held of promises) {
    const own = results.filter(({ file, name }) => file === held.test && name.includes(held.name));
    const failed = own.find(({ outcome }) => outcome === "failed");
    if (ended.kind === "killed") red.set(held, `the tests did not end within ${GREEN_BOUND_MS / 1_000} s`);
    else if (ended.kind === "crashed") red.set(held, `jest ended without a report: ${ended.output}`);
    else if (own.length === 0) red.set(held, "there is no such test, or its file cannot be loaded");
    else if (failed !== undefined) red.set(held, failed.message);
  }
  return red;
}

interface Verdict {
  readonly caught: boolean;
  readonly why: string;
}

function verdictOf(ended: Ended): Verdict {
  if (ended.kind === "killed") return { caught: true, why: `did not end within ${BOUND_MS / 1_000} s, killed` };
  if (ended.kind === "crashed") return { caught: true, why: "the process crashed" };
  // A break that does not compile fails every test, and proves nothing.
  if (ended.failedSuites.length > 0) return { caught: false, why: "the broken source cannot be loaded" };
  if (ended.results.length === 0) return { caught: false, why: "no test ran" };
  const failed = ended.results.find(({ outcome }) => outcome === "failed");
  if (failed === undefined) return { caught: false, why: "the test passes without this line" };
  return { caught: true, why: /Exceeded timeout/.test(failed.message) ? "the test timed out" : "the test failed" };
}

/**
 * Throws when the mutation cannot be applied: the list is then wrong, and the result neither caught
 * nor survived.
 */
async function tryBreak(copy: string, { id, mutation, test, name }: HeldPromise): Promise<Verdict> {
  const file = sources.get(id);
  if (file === undefined) throw new Error(`no line is marked "// promise: ${id}"`);
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  writeFileSync(path, breakAt(source, id, mutation));
  try {
    return verdictOf(await runJest(copy, [test], literally(name), BOUND_MS, TEST_TIMEOUT_MS));
  } finally {
    writeFileSync(path, source);
  }
}

const sources = markedFiles(root);
const promises = chosen();
using copies = new Copies(RUNNERS);
const [first = ""] = copies.folders;
const began = performance.now();
const seconds = (since: number) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

const suspect = [...(await findRed(first, promises)).keys()];
// Run suspects again, one at a time: a busy machine can make a test fail in the concurrent run.
const red = suspect.length === 0 ? new Map<HeldPromise, string>() : await findRed(first, suspect);
for (const [{ test, name }, why] of red) console.log(`RED       ${test}: ${name}\n${why}`);
const green = red.size === 0 ? "green" : "not all green";
console.log(`${promises.length} promises; their tests are ${green} without a break (${seconds(began)})`);

let caught = 0;
const survivors: HeldPromise[] = [];
const waiting = promises.filter((held) => !red.has(held)); // a red test catches nothing
await Promise.all(
  copies.folders.map(async (copy) => {
    for (let held = waiting.shift(); held !== undefined; held = waiting.shift()) {
      const since = performance.now();
      const verdict = await tryBreak(copy, held);
      if (verdict.caught) caught += 1;
      else survivors.push(held);
      console.log(`${verdict.caught ? "caught  " : "SURVIVED"}  ${held.promise}  (${verdict.why}, ${seconds(since)})`);
    }
  }),
);

for (const { promise, id, mutation, test, name } of survivors) {
  const how = `${sources.get(id)}, // promise: ${id}, ${JSON.stringify(mutation)}`;
  console.log(`\nSURVIVED  ${promise}\n  ${how}\n  ${test}: ${name}`);
}
console.log(`\n${caught} caught, ${survivors.length} survived, in ${seconds(began)}`);
process.exitCode = survivors.length + red.size === 0 ? 0 : 1;
