// The order of the test files. jest knows from earlier runs how long each takes; in a fresh clone it goes by their sizes,
// and one that waits for most of its time would begin last and run alone.
import { createRequire } from "node:module";

// Not imported: its declarations would give all untyped programs the types of Node.js.
const { default: TestSequencer } = createRequire(import.meta.url)("@jest/test-sequencer");

/** Those that take longest, by their paths in test/. */
const long = [
  "contract/embedded",
  "reliability/restart",
  "docs/guides",
  "cli/cli",
  "docs/examples",
  "reliability/stream-ends",
  "connection/stream-limit",
  "events/publisher",
  "conformance/conformance",
  "reliability/worked-streams",
  "events/events",
  "connection/connect",
  "requests/handle",
  "connection/calls-alone",
  "codec/codec",
  "events/store-replay",
  "reliability/close",
  "broker/faults",
  "reliability/resend",
  "queues/exactly-once",
  "reliability/asked-to-leave",
  "queues/process",
  "reliability/leave",
  "reliability/fuzz",
].map((name) => `/test/${name}.test.ts`);

const rank = ({ path }) => {
  const at = long.findIndex((end) => path.replaceAll("\\", "/").endsWith(end));
  return at < 0 ? long.length : at;
};

export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    return sorted.some(({ duration }) => duration !== undefined)
      ? sorted
      : sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
