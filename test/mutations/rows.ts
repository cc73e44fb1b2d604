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
      [restart, "faults while all patterns are busy"],
      [restart, "an idle client reconnects after a restart and misses nothing stored meanwhile"],
    ],
  },
  {
    happens: "It comes back without its store",
    holds: "Every loop goes on: the store from its new beginning, the others with what is new.",
    tests: [[restart, "every loop continues: the store from its new start, queues and events with new messages"]],
  },
  {
    happens: "GOAWAY, RST_STREAM of each code, a clean end or any status of only that stream",
    holds: "The loop goes on, of each kind of stream; of stored events, requests and queue messages nothing is lost.",
    tests: [
      [ends, "every loop continues and loses nothing"],
      [restart, "all streams end with RESOURCE_EXHAUSTED"],
    ],
  },
  {
    happens: "A half-open connection, in one direction or both",
    holds: "Noticed within interval and time-out; then as for a restart. A silent connection that lives is left alone.",
    tests: [
      [restart, "an idle client detects a half-open connection within interval and time-out, and loses nothing"],
      [
        asked,
        "a connection after GOAWAY that falls silent is replaced within interval and time-out, and its loops lose nothing",
      ],
      [restart, "an idle client keeps its one connection without retries while it answers pings"],
    ],
  },
  {
    happens: "A server that flaps",
    holds: "Attempts are bounded, no stream and no connection is left over, the loop converges.",
    tests: [[flapping, "a loop on a flapping server makes a bounded number of attempts"]],
  },
  {
    happens: "A slow consumer",
    holds: "What is held is bounded; the store loses nothing, and fetches again what the server has dropped.",
    tests: [
      [slow, "a slow loop buffers a bounded part of 100,000 messages of 10 kB, and a store loop loses none"],
      ["test/events/store-gaps.test.ts", "recovers events that the server dropped because the loop is slow"],
    ],
  },
  {
    happens: "Subscribed and aborted at random moments, a thousand times",
    holds: "No stream, no listener, no unhandled rejection is left; every loop ends quietly.",
    tests: [[leave, "leaving at random times, by every way to leave a loop"]],
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
      ["test/queues/settle.test.ts", "every impossible settlement rejects with its own code"],
      ["test/queues/lease.test.ts", "every impossible settlement rejects with its own code"],
    ],
  },
  {
    happens: "`close()` in every state, twice, concurrently, with the server gone",
    holds:
      "Within its bound; the process then ends by itself within a second. What was accepted is flushed, or each rejected.",
    tests: [
      [close, "the process of a closed client exits by itself within a second"],
      [close, "close() loses nothing silently"],
    ],
  },
  {
    happens: "Wrong and rotated tokens, wrong certificates, unknown hosts, closed ports",
    holds: "The right code each time, and no retry storm: attempts are counted on the server's side.",
    tests: [
      [refusals, "servers that refuse or do not speak gRPC"],
      [refusals, "a static token that the server no longer accepts ends the loop once, without repeated attempts"],
    ],
  },
  {
    happens: "Bodies of no byte, of 4 MiB, of the largest size there is, and poison",
    holds: "They come back as they went, or a typed error says why not.",
    tests: [
      [payloads, "a payload of %d bytes is sent and received unchanged"],
      [
        "test/reliability/payloads.slow.test.ts",
        "the largest message is delivered, and one byte more is refused before it is sent",
      ],
      [payloads, "an undecodable payload throws only in the loop body that reads it"],
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
      ["test/queues/send.test.ts", "a queue publisher handles answers that are reordered, duplicated, late or missing"],
      ["test/events/publisher.test.ts", "answers that are reordered, duplicated or missing settle their own events"],
    ],
  },
  {
    happens: "Malformed frames, cut messages, wrong trailers, giant headers, random bytes",
    holds:
      "A typed error or a reconnect; nothing crashes the process or hangs a loop. `npm run fuzz` does it 10,000 times.",
    tests: [
      [fuzz, "servers that violate the protocol"],
      ["test/reliability/forgotten.test.ts", "a stream on a replaced connection recovers on the new one"],
    ],
  },
];
