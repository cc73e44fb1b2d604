import type { Chapter } from "./promise.js";

const test = "test/rpc/rpc.test.ts";

export const rpc: Chapter = {
  title: "RPC",
  promises: [
    {
      promise: "The text of an error that is not a `ConnectError` does not reach the caller.",
      id: "rpc-error-hidden",
      mutation: { replace: ['"internal error"', "String(thrown)"] },
      test,
      name: "an error without a message reaches the caller without one, and any other error is reported on the server only",
    },
    {
      promise: "An error whose details cannot be written arrives with its code and its other details.",
      id: "rpc-invalid-detail-left-out",
      mutation: { replace: ["error: sent", "error"] },
      test,
      name: "an error with a detail that",
    },
    {
      promise: "An error that the caller may not see reaches `onError` of the server.",
      id: "rpc-error-reported",
      mutation: "drop",
      test,
      name: "an error without a message reaches the caller without one, and any other error is reported on the server only",
    },
    {
      promise: "The signal of an RPC handler aborts at the deadline of its call.",
      id: "rpc-handler-deadline",
      mutation: "drop",
      test,
      name: "a deadline ends the call and the signal of the handler, each with DeadlineExceeded",
    },
    {
      promise: "A handler knows the deadline of its caller.",
      id: "rpc-deadline-sent",
      mutation: "always",
      test,
      name: "a deadline ends the call and the signal of the handler, each with DeadlineExceeded",
    },
    {
      promise: "An RPC ends at its deadline, also when nothing answers.",
      id: "rpc-deadline-ends-call",
      mutation: "empty",
      test,
      name: "a call to a broker that sends nothing more ends at its deadline",
    },
    {
      promise: "The signal of an RPC cancels it at once.",
      id: "rpc-signal-cancels",
      mutation: "always",
      test,
      name: "a signal cancels the call at once, and a call with an aborted signal does not reach a handler",
    },
    {
      promise: "A response that is too large is an error at once, not a time-out.",
      id: "rpc-too-large-answered",
      mutation: "always",
      test,
      name: "messages above a limit end with ResourceExhausted, on either side",
    },
    {
      promise: "Only calls of methods without side effects are answered from the cache.",
      id: "rpc-cache-without-effects",
      mutation: "always",
      test,
      name: "the cache answers equal calls without side effects, and a call with other headers is another call",
    },
    {
      promise: "A call with other credentials is not answered from the cache.",
      id: "rpc-cache-by-headers",
      mutation: { replace: ["JSON.stringify(tags)", '""'] },
      test,
      name: "the cache answers equal calls without side effects, and a call with other headers is another call",
    },
    {
      promise: "A call in a later version of the RPC format is `Unimplemented`.",
      id: "rpc-version-checked",
      mutation: "drop",
      test,
      name: "unknown methods, other versions and encodings are Unimplemented, bad requests are refused",
    },
    {
      promise: "A call of a streaming method is answered with `Unimplemented`.",
      id: "rpc-stream-not-served",
      mutation: "never",
      test,
      name: "unknown methods, other versions and encodings are Unimplemented, bad requests are refused",
    },
    {
      promise: "Calls that wait when their server closes end with `Unavailable`.",
      id: "rpc-stopped-unavailable",
      mutation: { replace: ["Code.Unavailable", "Code.Internal"] },
      test,
      name: "closing a server lets running calls finish, and ends waiting calls with Unavailable",
    },
    {
      promise: "An RPC of a closed client ends with `Canceled`.",
      id: "rpc-closed-client",
      mutation: "drop",
      test,
      name: "the error of a query is the code of Connect that docs/rpc.md names",
    },
    {
      promise: "A channel that the broker refuses to a caller is `PermissionDenied`.",
      id: "rpc-permission-denied",
      mutation: "drop",
      test,
      name: "the error of a query is the code of Connect that docs/rpc.md names",
    },
    {
      promise: "When the subscription of one service ends, the other services of `serve` are closed.",
      id: "rpc-services-end-together",
      mutation: "drop",
      test,
      name: "the end of one service closes the others",
    },
  ],
};

const faultsTest = "test/tracing/faults.test.ts";
const conventionsTest = "test/tracing/conventions.test.ts";

export const tracing: Chapter = {
  title: "Telemetry",
  promises: [
    {
      promise: "Tags that are no tags, returned by the application's telemetry, are not sent.",
      id: "telemetry-tags-checked",
      mutation: "always",
      test: faultsTest,
      name: "carry returns a number",
    },
    {
      promise: "Telemetry that throws after it has run a handler does not run it again.",
      id: "telemetry-work-once",
      mutation: "always",
      test: faultsTest,
      name: "run throws after the work",
    },
    {
      promise: "The status `telemetry-failed` reports what the application's telemetry throws.",
      id: "telemetry-fault-reported",
      mutation: "drop",
      test: faultsTest,
      name: "end throws",
    },
    {
      promise: "The tags of a received message can be sent again: the old trace context is replaced completely.",
      id: "trace-context-replaced",
      mutation: "drop",
      test: "test/tracing/events.test.ts",
      name: "tags copied from a received event carry only the new context",
    },
    {
      promise: "A `Span` field of a foreign sender that is too large for a trace context is ignored.",
      id: "trace-span-bounded",
      mutation: "drop",
      test: "test/tracing/senders.test.ts",
      name: "a malformed Span is ignored",
    },
    {
      promise: "Metrics of channels with a template do not contain the channel, so that their number is limited.",
      id: "metrics-by-template",
      mutation: "always",
      test: conventionsTest,
      name: "spans are named by the template of a channel, and metrics do not have the channel",
    },
    {
      promise: "A queue message that waited longer than `childWithinSeconds` begins a trace of its own.",
      id: "late-message-own-trace",
      mutation: "always",
      test: conventionsTest,
      name: "s the span of a message of",
    },
  ],
};
