import type { Row } from "./promise.js";

const restart = "test/reliability/restart.test.ts";
const ends = "test/reliability/stream-ends.test.ts";
const asked = "test/reliability/asked-to-leave.test.ts";
const leave = "test/reliability/leave.test.ts";
const close = "test/reliability/close.test.ts";
const refusals = "test/reliability/refusals.test.ts";
const flapping = "test/reliability/flapping.test.ts";
const slow = "test/reliability/slow-loops.slow.test.ts";
const payloads = "test/reliability/payloads.test.ts";
const jumps = "test/reliability/clock-jumps.test.ts";
const fuzz = "test/reliability/fuzz.test.ts";

/** What happens to whole systems: the tests of these break no line, but servers, connections and processes. */
export const rows: readonly Row[] = [
  {
    happens: "The server disappears in mid-stream and comes back, with its store; connections are reset or closed",
    holds:
      "Every loop goes on. Nothing confirmed is lost, no stored event comes twice, queue messages are acknowledged once or delivered again.",
    tests: [
      [restart, "with all patterns busy, nothing is lost and nothing doubled when"],
      [restart, "comes back after a restart, and nothing that is stored meanwhile is missed"],
    ],
  },
  {
    happens: "It comes back without its store",
    holds: "Every loop goes on: the store from its new beginning, the others with what is new.",
    tests: [[restart, "every loop goes on: the store from its new beginning, queues and events with what is new"]],
  },
  {
    happens: "GOAWAY, RST_STREAM of each code, a clean end or any status of only that stream",
    holds: "The loop goes on, of each kind of stream; of stored events, requests and queue messages nothing is lost.",
    tests: [
      [ends, "every loop goes on, and nothing is lost"],
      [restart, "all streams end with RESOURCE_EXHAUSTED"],
    ],
  },
  {
    happens: "A half-open connection, in one direction or both",
    holds: "Noticed within interval and time-out; then as for a restart. A silent connection that lives is left alone.",
    tests: [
      [restart, "notices a half-open connection within interval and time-out, and loses nothing"],
      [asked, "falls silent: its loops come back on the next one within interval and time-out, and lose nothing"],
      [restart, "is left alone while its connection lives: one connection, no retries, however long it is silent"],
    ],
  },
  {
    happens: "A server that flaps",
    holds: "Attempts are bounded, no stream and no connection is left over, the loop converges.",
    tests: [[flapping, "a server that flaps: bounded attempts, no stream and no connection left over"]],
  },
  {
    happens: "A slow consumer",
    holds: "What is held is bounded; the store loses nothing, and fetches again what the server has dropped.",
    tests: [
      [slow, "a loop that is far behind holds a bounded part of 100,000 messages of 10 kB, and the store loses none"],
      ["test/events/store-gaps.test.ts", "what a server drops because the loop is slow is fetched again"],
    ],
  },
  {
    happens: "Subscribed and aborted at random moments, a thousand times",
    holds: "No stream, no listener, no unhandled rejection is left; every loop ends quietly.",
    tests: [[leave, "subscribed and aborted at random moments, by every way out"]],
  },
  {
    happens: "`break`, `throw` and `return` at every position",
    holds: "The call is cancelled within 100 ms, prefetched messages come back.",
    tests: [[leave, "at every position cancels the call within 100 ms, and prefetched messages come back"]],
  },
  {
    happens: "Settled twice, after an abort, after a reconnect, after the lease, while closing",
    holds: "The exact error code each time.",
    tests: [
      ["test/queues/settle.test.ts", "the code of every settlement that cannot be"],
      ["test/queues/lease.test.ts", "the code of every settlement that cannot be"],
    ],
  },
  {
    happens: "`close()` in every state, twice, concurrently, with the server gone",
    holds:
      "Within its bound; the process then ends by itself within a second. What was accepted is flushed, or each rejected.",
    tests: [
      [close, "a process whose client was closed, twice and concurrently, ends by itself within a second"],
      [close, "close() keeps or refuses what was accepted, and loses nothing in silence"],
    ],
  },
  {
    happens: "Wrong and rotated tokens, wrong certificates, unknown hosts, closed ports",
    holds: "The right code each time, and no retry storm: attempts are counted on the server's side.",
    tests: [
      [refusals, "a server that refuses, or cannot be understood"],
      [refusals, "a static token that was changed under way ends the loop once, without a storm"],
    ],
  },
  {
    happens: "Bodies of no byte, of 4 MiB, of the largest size there is, and poison",
    holds: "They come back as they went, or a typed error says why not.",
    tests: [
      [payloads, "carries %d bytes there and back"],
      [
        "test/reliability/payloads.slow.test.ts",
        "the largest message there is goes through, one byte more is refused before it is sent",
      ],
      [payloads, "poison payloads throw in the body of the loop that reads them, and nowhere else"],
    ],
  },
  {
    happens: "The wall clock jumps",
    holds: "Leases are kept, streams stay, requests and liveness go on.",
    tests: [[jumps, "the wall clock jumps %s: leases are kept, streams stay, requests and liveness go on"]],
  },
  {
    happens: "Replies that are reordered, doubled, late or missing",
    holds: "Each promise gets its own reply, or its time-out.",
    tests: [
      ["test/queues/send.test.ts", "replies that are reordered, doubled, late or missing"],
      [
        "test/events/publisher.test.ts",
        "answers that come in another order, twice or not at all reach their own events",
      ],
    ],
  },
  {
    happens: "Malformed frames, cut messages, wrong trailers, giant headers, random bytes",
    holds:
      "A typed error or a reconnect; nothing crashes the process or hangs a loop. `npm run fuzz` does it 10,000 times.",
    tests: [
      [fuzz, "nothing a server sends can crash the process or hang a loop"],
      [
        "test/reliability/forgotten.test.ts",
        "a stream on a connection that is given up for another comes back on the other",
      ],
    ],
  },
];
