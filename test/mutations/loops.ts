import type { Chapter } from "./promise.js";

const engineTest = "test/stream/engine.test.ts";
const connectionTest = "test/connection/connection.test.ts";
const eventsTest = "test/events/events.test.ts";
const workedTest = "test/reliability/worked-streams.test.ts";

export const leaving: Chapter = {
  title: "Stopping a loop",
  promises: [
    {
      promise: "`break`, `return` and `throw` cancel the call, and your error propagates unchanged.",
      id: "stop-cancels-call",
      mutation: "drop",
      test: eventsTest,
      name: "break and throw cancel the call, and the thrown error propagates unchanged",
    },
    {
      promise: "The server sees the cancellation of every kind of stream within 100 ms.",
      id: "stop-cancels-call",
      mutation: "delay",
      test: "test/reliability/leave.test.ts",
      name: "at every position cancels the call within 100 ms, and prefetched messages come back",
    },
    {
      promise: "Leaving a loop at any point cancels its call and returns prefetched messages.",
      id: "leave-returns-prefetched",
      mutation: "drop",
      test: "test/reliability/leave.test.ts",
      name: "at every position cancels the call within 100 ms, and prefetched messages come back",
    },
    {
      promise: "An aborted signal ends the loop without an error.",
      id: "abort-ends-loop",
      mutation: "drop",
      test: eventsTest,
      name: "an abort ends the loop without an error, cancels the call and removes the listener",
    },
    {
      promise: "A waiting `next()` resolves with `done` when its stream is stopped.",
      id: "stop-ends-waiting-next",
      mutation: "drop",
      test: eventsTest,
      name: "close(), await using and client.close() end the loop",
    },
    {
      promise: "A loop with an aborted signal makes no iteration and no call.",
      id: "aborted-before-start",
      mutation: { replace: ["!this", "this"] },
      test: engineTest,
      name: "a stream with an aborted signal makes no attempt and no iteration",
    },
    {
      promise: "The client adds one listener to a signal, however many streams and calls the signal stops.",
      id: "one-listener-per-signal",
      mutation: "drop",
      test: eventsTest,
      name: "800 subscriptions on one signal share one listener, and leave no listener, warning or stream",
    },
    {
      promise: "A signal has no listener after its streams and calls have ended.",
      id: "no-listener-left",
      mutation: "drop",
      test: "test/unit/abort.test.ts",
      name: "many watchers of one signal share one listener, and none remains when all have stopped",
    },
    {
      promise: "A terminal error is thrown once, and ends the loop.",
      id: "error-thrown-once",
      mutation: "drop",
      test: engineTest,
      name: "a terminal error is thrown once, after the messages buffered before it",
    },
    {
      promise: "Buffered messages that will not be delivered are returned.",
      id: "buffered-items-released",
      mutation: "drop",
      test: engineTest,
      name: "the engine reads at most its capacity ahead of the loop",
    },
    {
      promise: "A call stays open until its delivered messages are cleaned up.",
      id: "call-open-until-cleaned-up",
      mutation: "always",
      test: engineTest,
      name: "an attempt stays open until the plan has cleaned up",
    },
    {
      promise: "A second iteration of a subscription throws `STREAM_CONSUMED`.",
      id: "iterated-once",
      mutation: "drop",
      test: engineTest,
      name: "a stream can be iterated only once",
    },
    {
      promise: "A failed subscription that is never iterated does not crash the process.",
      id: "unobserved-subscription",
      mutation: "drop",
      test: engineTest,
      name: "a stream that fails while nobody awaits its ready does not end the process",
    },
  ],
};

export const delivering: Chapter = {
  title: "Delivering",
  promises: [
    {
      promise: "Messages that arrive while the loop body runs are delivered.",
      id: "buffered-while-body-runs",
      mutation: "drop",
      test: engineTest,
      name: "messages that arrive while the loop body runs are delivered",
    },
    {
      promise:
        "An error that arrives while the loop body runs is thrown by a later turn, after the messages buffered before it.",
      id: "error-after-buffered",
      mutation: "drop",
      test: engineTest,
      name: "a terminal error is thrown once, after the messages buffered before it",
    },
    {
      promise: "The buffer of a stream is limited: nothing is read while it is full.",
      id: "bounded-buffer",
      mutation: "never",
      test: engineTest,
      name: "the engine reads at most its capacity ahead of the loop",
    },
    {
      promise: "At most 512 frames wait to be delivered, even with a thousand receiving subscriptions.",
      id: "bounded-round",
      mutation: "never",
      test: "test/transport/batches.test.ts",
      name: "a turn of a thousand streams buffers at most 512 frames",
    },
    {
      promise: "Reading continues when the loop has made room.",
      id: "room-resumes-reading",
      mutation: "drop",
      test: engineTest,
      name: "the engine continues reading when the loop has made room, and delivers everything in order",
    },
    {
      promise: "A message that has become useless while it waited is not delivered.",
      id: "stale-items-skipped",
      mutation: "drop",
      test: engineTest,
      name: "the loop reads buffered messages during the back-off delay, and stale ones are dropped",
    },
    {
      promise:
        "After the first failure, `forEachConcurrent` pulls no more items, waits for running bodies, and throws.",
      id: "for-each-stops-at-failure",
      mutation: "never",
      test: "test/stream/for-each.test.ts",
      name: "the first failure stops forEachConcurrent, which waits for running bodies and then throws it",
    },
  ],
};

export const comingBack: Chapter = {
  title: "Coming back",
  promises: [
    {
      promise: "When the server ends a stream without an error, the loop reconnects and continues.",
      id: "clean-end-is-lost",
      mutation: "drop",
      test: engineTest,
      name: "the engine reconnects after a lost connection and a clean end, with a longer delay each time",
    },
    {
      promise: "When the server cancels a call, as a server does that shuts down, the loop reconnects and continues.",
      id: "cancelled-is-lost",
      mutation: "drop",
      test: "test/unit/fault.test.ts",
      name: "for a lost connection becomes UNAVAILABLE and retryable",
    },
    {
      promise: "When a stream is reset with any code, the loop reconnects and continues.",
      id: "reset-is-lost",
      mutation: { replace: ["Code.Unavailable", "Code.Internal"] },
      test: "test/transport/differential.test.ts",
      name: "before an answer",
    },
    {
      promise: "Each consecutive failure doubles the reconnect delay.",
      id: "backoff-doubles",
      mutation: "always",
      test: engineTest,
      name: "the engine reconnects after a lost connection and a clean end, with a longer delay each time",
    },
    {
      promise: "A received message resets the reconnect delay.",
      id: "attempt-healthy",
      mutation: { without: 0 },
      test: engineTest,
      name: "the engine reconnects after a lost connection and a clean end, with a longer delay each time",
    },
    {
      promise: "Ten seconds of an open stream reset the reconnect delay.",
      id: "attempt-healthy",
      mutation: { replace: [">=", "<"] },
      test: engineTest,
      name: "10 healthy seconds reset the back-off delay, and less does not",
    },
    {
      promise: "No reconnect delay is longer than `maxDelayMs`.",
      id: "backoff-bounded",
      mutation: { argument: 1 },
      test: "test/unit/backoff.test.ts",
      name: "the back-off delay doubles up to its maximum",
    },
    {
      promise: "Reconnect delays are random, so that clients do not reconnect at the same time.",
      id: "backoff-random",
      mutation: { replace: ["+", "-"] },
      test: "test/unit/backoff.test.ts",
      name: "full jitter takes any part of the delay, half jitter the upper half",
    },
    {
      promise: "With `reconnect: false` the first loss ends the loop with its error.",
      id: "reconnect-off",
      mutation: "drop",
      test: eventsTest,
      name: "reconnect: false ends the loop with UNAVAILABLE",
    },
    {
      promise: "`maxAttempts` consecutive failures end the stream.",
      id: "max-attempts",
      mutation: "never",
      test: "test/connection/connection.test.ts",
      name: "a subscription ends with the loss if reconnecting is off or has failed too often",
    },
    {
      promise: "Attempts without a connection do not count among the `firstAttempts` of a stream.",
      id: "first-attempts-counted",
      mutation: "always",
      test: workedTest,
      name: "attempts without a connection do not count among the first attempts of a stream",
    },
    {
      promise: "A stream to a peer that is no gRPC server, such as one of HTTP/1, ends after `firstAttempts` attempts.",
      id: "first-attempts-no-server",
      mutation: "never",
      test: workedTest,
      name: "a stream that has never worked ends after reconnect.firstAttempts attempts with an HTTP/1 server",
    },
    {
      promise: "A stream that has worked comes back, whatever ended it.",
      id: "worked-stream-comes-back",
      mutation: "drop",
      test: workedTest,
      name: "a stream that has worked reconnects after ",
    },
    {
      promise: "A permanent refusal is thrown and not retried.",
      id: "terminal-errors-thrown",
      mutation: "drop",
      test: eventsTest,
      name: "a permanent refusal is thrown and not retried",
    },
    {
      promise: "`status()` reports each `retry` with its delay and its error.",
      id: "status-retry",
      mutation: "drop",
      test: engineTest,
      name: "the engine reconnects after a lost connection and a clean end, with a longer delay each time",
    },
    {
      promise: "`status()` reports when a stream has recovered, and how long it was away.",
      id: "status-down-since",
      mutation: "drop",
      test: engineTest,
      name: "the engine reconnects after a lost connection and a clean end, with a longer delay each time",
    },
    {
      promise: "A stream that is stopped while it waits to reconnect leaves no timer.",
      id: "stop-wakes-backoff",
      mutation: "drop",
      test: "test/connection/connection.test.ts",
      name: "close() ends a stream that is waiting to reconnect",
    },
    {
      promise: "An answer to a ping of an earlier attempt does not affect the current one.",
      id: "late-probe-ignored",
      mutation: { without: 1 },
      test: connectionTest,
      name: "close() ends a stream that is waiting to reconnect",
    },
    {
      promise: "A slow reader of `status()` buffers at most 256 entries, and is told how many were dropped.",
      id: "status-bounded",
      mutation: "never",
      test: "test/connection/status.test.ts",
      name: "a slow reader buffers 256 entries and is told how many older ones were dropped",
    },
  ],
};
