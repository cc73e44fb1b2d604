import type { Chapter } from "./promise.js";

const serviceTest = "test/requests/service.test.ts";
const processTest = "test/queues/process.test.ts";
const settlingTest = "test/queues/process-settling.test.ts";
const bodiesTest = "test/stream/bodies.test.ts";

export const handlers: Chapter = {
  title: "Handlers",
  promises: [
    {
      promise: "A closed service whose handlers ignore their signals rejects no promise that nobody awaits.",
      id: "closed-service-rejection-handled",
      mutation: "drop",
      test: serviceTest,
      name: "a handler that ignores its signal is reported in the status after close(), and rejects nothing unobserved",
    },
    {
      promise: "`ready` waits for twelve answered pings, in which the server sets the subscription up.",
      id: "ready-waits",
      mutation: "always",
      test: "test/connection/probe.test.ts",
      name: "ready waits for twelve answered pings, in which the server sets the subscription up",
    },
    {
      promise: "`ready` resolves no earlier than ten milliseconds after the request, however fast the server is.",
      id: "ready-waits-idle",
      mutation: { replace: ["LEAST_MS", "0"] },
      test: "test/connection/probe.test.ts",
      name: "ready does not resolve before ten milliseconds, however fast the pings are answered",
    },
    {
      promise: "After `close()` of a service, the server sends no further request to it.",
      id: "closed-service-has-ended",
      mutation: { replace: ["call !== undefined", "false"] },
      test: serviceTest,
      name: "no request is lost after the close() of one of two services",
    },
    {
      promise: "The error of a handler is reported by the status `handler-failed` and passed to `onError`.",
      id: "handler-failure-reported",
      mutation: "drop",
      test: serviceTest,
      name: "a handler's error is reported to onError, the status and the diagnostics channel, and the requester gets the reason",
    },
    {
      promise: "`client.close()` and `service.close()` in a handler do not wait for that handler.",
      id: "close-in-handler",
      mutation: "never",
      test: serviceTest,
      name: "does not wait for itself when its handler awaits the close() of the",
    },
    {
      promise: "`close()` in the body of a loop does not wait for that body, whose message can still be settled.",
      id: "close-in-body",
      mutation: "always",
      test: processTest,
      name: "awaited in the body of a loop, the close() of the",
    },
    {
      promise: "After `client.close()` in its body, a loop receives no buffered event of a stream that has ended.",
      id: "close-drops-buffer",
      mutation: "never",
      test: "test/events/store-replay.test.ts",
      name: "in a body delivers no buffered event of a replay that the server has ended",
    },
    {
      promise: "A message whose handler throws is rejected after a delay.",
      id: "thrown-handler-delayed",
      mutation: "always",
      test: processTest,
      name: "a failing message is delivered a few times per second by default, not a thousand times",
    },
    {
      promise: "A message that has failed `retry.maxAttempts` times goes to the dead-letter queue, or is dropped.",
      id: "attempts-exhausted",
      mutation: "never",
      test: processTest,
      name: "a message that fails maxAttempts times moves to the dead-letter queue with the reason",
    },
    {
      promise: "What a handler returns that is no settlement counts as its failure, and the queue goes on.",
      id: "settlement-checked",
      mutation: { argument: 1 },
      test: processTest,
      name: "the failure is reported, the message returned, and the queue continues",
    },
    {
      promise: "A message whose settlement is refused is given back.",
      id: "refused-settlement-returned",
      mutation: "never",
      test: settlingTest,
      name: "a message whose ack is refused is rejected after a delay",
    },
    {
      promise: "`forEachConcurrent` with `on-next` acknowledges a message when its own body has finished.",
      id: "done-by-own-body",
      mutation: "drop",
      test: bodiesTest,
      name: "on-next acknowledges a message when its own body has finished, not when another one is requested",
    },
    {
      promise: "`position` is never that of an event behind one whose body still runs.",
      id: "position-behind-running",
      mutation: "never",
      test: bodiesTest,
      name: "position is the sequence of the last event with no unfinished one before it",
    },
    {
      promise: "Telemetry that throws costs no message and no call.",
      id: "telemetry-guarded",
      mutation: "drop",
      test: "test/tracing/faults.test.ts",
      name: "no message or call is lost or repeated, and the status reports the fault",
    },
  ],
};
