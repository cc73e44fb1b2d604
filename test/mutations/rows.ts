import type { Row } from "./promise.js";

const restart = "test/reliability/restart.test.ts";
const ends = "test/reliability/stream-ends.test.ts";
const asked = "test/reliability/asked-to-leave.test.ts";
const leave = "test/reliability/leave.test.ts";
const resend = "test/reliability/resend.test.ts";
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
    happens: "The server stops and restarts with its store, or connections are reset or closed",
    holds:
      "Every loop continues. No confirmed message is lost, no stored event is delivered twice, and each queue message is acknowledged once or delivered again.",
    tests: [
      [restart, "faults while all patterns are busy"],
      [restart, "an idle client reconnects after a restart and misses nothing stored meanwhile"],
    ],
  },
  {
    happens: "The server restarts without its store",
    holds: "Every loop continues: store loops from the new start of the channel, the others with new messages.",
    tests: [[restart, "every loop continues: the store from its new start, queues and events with new messages"]],
  },
  {
    happens: "GOAWAY, RST_STREAM with any code, or the end of one stream with any status",
    holds: "Loops over every kind of stream continue. No stored event, request or queue message is lost.",
    tests: [
      [ends, "every loop continues and loses nothing"],
      [restart, "all streams end with RESOURCE_EXHAUSTED"],
    ],
  },
  {
    happens: "A half-open connection, in one direction or both",
    holds:
      "It is detected within interval and time-out, and then handled like a restart. A silent connection that answers pings is kept.",
    tests: [
      [restart, "an idle client detects a half-open connection within interval and time-out, and loses nothing"],
      [
        asked,
        "a connection after GOAWAY that becomes silent is replaced within interval and time-out, and its loops lose nothing",
      ],
      [restart, "an idle client keeps its one connection without retries while it answers pings"],
    ],
  },
  {
    happens: "The servers of a list are killed one after another under load, and clients have `resend`",
    holds:
      "No call fails while a server is up. No confirmed message is lost. A message that is stored twice has the same id.",
    tests: [
      [
        resend,
        "three brokers killed in turn under load fail no call with resend, lose nothing confirmed, and double only known ids",
      ],
    ],
  },
  {
    happens: "A server that goes up and down repeatedly",
    holds: "The number of attempts is limited, no stream or connection leaks, and the loop recovers.",
    tests: [[flapping, "a loop on a flapping server makes a bounded number of attempts"]],
  },
  {
    happens: "A loop that is slower than its messages",
    holds: "The buffer is limited. Store loops fetch again the events that the server has dropped, and lose none.",
    tests: [
      [slow, "a slow loop buffers a bounded part of 100,000 messages of 10 kB, and a store loop loses none"],
      [
        "test/events/store-gaps.test.ts",
        "a store subscription recovers events that the server dropped because the loop is slow",
      ],
    ],
  },
  {
    happens: "A thousand subscriptions aborted at random times",
    holds: "Every loop ends without an error. No stream and no listener leaks, and no rejection is unhandled.",
    tests: [[leave, "leaving at random times, by every way to leave a loop"]],
  },
  {
    happens: "`break`, `throw` and `return` at every position",
    holds: "The call is cancelled within 100 ms, and prefetched messages return to the queue.",
    tests: [[leave, "at every position cancels the call within 100 ms, and prefetched messages come back"]],
  },
  {
    happens: "Settling twice, after an abort, after a reconnect, after the lease, and while closing",
    holds: "Each case has its own error code.",
    tests: [
      ["test/queues/settle.test.ts", "every impossible settlement rejects with its own code"],
      ["test/queues/lease.test.ts", "every impossible settlement rejects with its own code"],
    ],
  },
  {
    happens: "`close()` in every state, repeatedly, concurrently, and without a server",
    holds:
      "It resolves within its time limit, and the process can exit within a second. Accepted messages are sent, or each one is rejected.",
    tests: [
      [close, "the process of a closed client exits by itself within a second"],
      [close, "close() loses nothing silently"],
    ],
  },
  {
    happens: "Wrong and rotated tokens, wrong certificates, unknown hosts and closed ports",
    holds: "Each case has its own error code. The number of attempts, counted at the server, is limited.",
    tests: [
      [refusals, "servers that refuse or do not speak gRPC"],
      [refusals, "a static token that the server no longer accepts ends the loop once, without repeated attempts"],
    ],
  },
  {
    happens: "Bodies of 0 bytes, of 4 MiB and of the maximum size, and undecodable bodies",
    holds: "They are delivered unchanged, or a typed error gives the reason.",
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
    holds: "Leases, streams, requests and the liveness check are not affected.",
    tests: [[jumps, "the wall clock jumps %s: leases are kept, streams stay open, requests and liveness continue"]],
  },
  {
    happens: "Replies that are reordered, duplicated, late or missing",
    holds: "Each promise settles with its own reply or a time-out.",
    tests: [
      ["test/queues/send.test.ts", "a queue publisher handles answers that are reordered, duplicated, late or missing"],
      ["test/events/publisher.test.ts", "answers that are reordered, duplicated or missing settle their own events"],
    ],
  },
  {
    happens: "Malformed frames, truncated messages, wrong trailers, giant headers and random bytes",
    holds:
      "Each causes a typed error or a reconnect. None crashes the process or hangs a loop. `npm run fuzz` tries 10,000 of them.",
    tests: [
      [fuzz, "servers that violate the protocol"],
      ["test/reliability/forgotten.test.ts", "a stream on a replaced connection recovers on the new one"],
    ],
  },
];
