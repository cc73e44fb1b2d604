import type { Chapter } from "./promise.js";

const connectionTest = "test/connection/connection.test.ts";
const livenessTest = "test/connection/liveness.test.ts";
const stateTest = "test/connection/state.test.ts";
const tokenTest = "test/connection/token.test.ts";
const faultTest = "test/unit/fault.test.ts";
const eventsTest = "test/events/events.test.ts";

export const calls: Chapter = {
  title: "Calls",
  promises: [
    {
      promise: "an aborted call rejects with `signal.reason`",
      id: "call-abort-reason",
      mutation: "drop",
      test: connectionTest,
      name: "a call rejects with the reason of its signal, before and after its start",
    },
    {
      promise: "a signal that has aborted before: no call is made",
      id: "call-aborted-before",
      mutation: "drop",
      test: connectionTest,
      name: "a call rejects with the reason of its signal, before and after its start",
    },
    {
      promise: "a call that was lost is never sent again, and says that it may be",
      id: "call-never-repeated",
      mutation: "never",
      test: connectionTest,
      name: "a lost call is not sent again, and its error is retryable",
    },
    {
      promise: "`timeoutMs` bounds calls, not streams",
      id: "stream-no-deadline",
      mutation: { replace: [" 0,", " 1,"] },
      test: connectionTest,
      name: "a subscription has no deadline, whatever the time-out of calls",
    },
    {
      promise:
        "a lost connection is `UNAVAILABLE` in other realms, too: causes are recognised by their shape, as under jest",
      id: "node-faults-by-shape",
      mutation: "never",
      test: faultTest,
      name: "an error of another realm is recognised by its shape",
    },
    {
      promise: "a ClientID that is still taken by a subscription that has just died is tried again",
      id: "client-id-taken",
      mutation: { replace: ["clientID already registered|", ""] },
      test: faultTest,
      name: "a server's message about its own trouble becomes UNAVAILABLE and retryable",
    },
    {
      promise: "a text of the server decides before the gRPC code does",
      id: "server-number-decides",
      mutation: "drop",
      test: faultTest,
      name: "the number in a server's message decides, whatever its gRPC code",
    },
  ],
};

export const closing: Chapter = {
  title: "Closing",
  promises: [
    {
      promise: "`close()` ends within its bound, whatever hangs",
      id: "close-bounded",
      mutation: { argument: 1 },
      test: connectionTest,
      name: "close() cancels unfinished calls after its bound",
    },
    {
      promise: "a bound may be any number: an endless one is long, and not none",
      id: "close-any-bound",
      mutation: { replace: ["|| 0", "&& 0"] },
      test: connectionTest,
      name: "close() accepts any number as its bound",
    },
    {
      promise: "running calls may finish within the bound",
      id: "close-awaits-calls",
      mutation: "always",
      test: connectionTest,
      name: "close() lets a running call finish and ends loops without an error",
    },
    {
      promise: "it does not wait for the client's own pings",
      id: "close-ignores-pings",
      mutation: "always",
      test: connectionTest,
      name: "close() does not wait for the client's own pings",
    },
    {
      promise: "called twice or concurrently it is one close",
      id: "close-once",
      mutation: { replace: ["??=", "="] },
      test: connectionTest,
      name: "close() of an unused client resolves, also twice and concurrently",
    },
    {
      promise: "what comes after it is refused with `CLIENT_CLOSED`",
      id: "closed-refuses",
      mutation: "drop",
      test: connectionTest,
      name: "a closed client refuses calls by rejection and streams synchronously",
    },
    {
      promise: "what is left is cancelled, and its streams end quietly",
      id: "close-cancels-streams",
      mutation: "drop",
      test: "test/events/publisher.test.ts",
      name: "publishing without awaiting is refused when 100,000 events are queued",
    },
    {
      promise: "the connection is closed, so that the process can end",
      id: "close-ends-session",
      mutation: "drop",
      test: connectionTest,
      name: "close() closes the connection, so that the process can exit",
    },
    {
      promise: "a process whose client was closed ends by itself within a second, in whatever state it was",
      id: "close-ends-session",
      mutation: "drop",
      test: "test/reliability/close.test.ts",
      name: "the process of a closed client exits by itself within a second",
    },
    {
      promise: "the readers of `status()` end, after the last entry",
      id: "close-ends-status",
      mutation: "drop",
      test: connectionTest,
      name: "close() of an unused client resolves, also twice and concurrently",
    },
  ],
};

export const living: Chapter = {
  title: "Liveness and state",
  promises: [
    {
      promise: "a stream whose connection is given up for another, unknown to it, comes back on the other",
      id: "older-sessions-cut",
      mutation: "drop",
      test: "test/reliability/forgotten.test.ts",
      name: "a stream on a replaced connection recovers on the new one",
    },
    {
      promise:
        "a connection that the server has asked to leave, and on which streams go on, is watched too: when it falls silent they come back on the next one",
      id: "leaving-session-cut",
      mutation: "drop",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "a connection after GOAWAY that falls silent is replaced within interval and time-out, and its loops lose nothing",
    },
    {
      promise: "while it lives it is left alone, however long it is silent",
      id: "leaving-session-asked",
      mutation: "drop",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "a connection after GOAWAY is kept while it answers pings, however long it is silent",
    },
    {
      promise: "a server that falls silent within a header block does not end the process",
      id: "header-block-outlived",
      mutation: "drop",
      test: "test/reliability/fuzz.test.ts",
      name: "a server that stalls within a header block and stops reading does not crash node:http2",
    },
    {
      promise: "a connection that is silent for `intervalMs` and does not answer a ping within `timeoutMs` is dead",
      id: "dead-connection-noticed",
      mutation: "drop",
      test: livenessTest,
      name: "declares the connection dead after an unanswered ping, within interval and time-out",
    },
    {
      promise: "then every stream on it comes back on a new connection",
      id: "dead-connection-ended",
      mutation: "empty",
      test: connectionTest,
      name: "a connection that does not answer pings is closed, and its streams recover",
    },
    {
      promise: "no matter which way of the connection is dead, what was confirmed arrives",
      id: "dead-connection-ended",
      mutation: "empty",
      test: "test/reliability/restart.test.ts",
      name: "an idle client detects a half-open connection within interval and time-out, and loses nothing",
    },
    {
      promise: "any other answer meanwhile means that it lives",
      id: "ping-silence",
      mutation: { without: 1 },
      test: livenessTest,
      name: "treats any other answer as a sign of life",
    },
    {
      promise: "a refused ping is an answer",
      id: "ping-silence",
      mutation: { without: 0 },
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "a ping that crosses the server's GOAWAY, and so is refused, does not cost the streams that go on",
      id: "ping-silence",
      mutation: { replace: ['"TIMEOUT"', '"UNAVAILABLE", "TIMEOUT"'] },
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "a busy connection is not pinged",
      id: "busy-not-pinged",
      mutation: "never",
      test: livenessTest,
      name: "pings only after a silent interval",
    },
    {
      promise: "a client without open streams does not ping, and holds no timer",
      id: "idle-no-timer",
      mutation: "drop",
      test: connectionTest,
      name: "liveness pings run only while a stream is open and silent",
    },
    {
      promise: "`state` is `reconnecting` while any stream is down",
      id: "state-reconnecting",
      mutation: "drop",
      test: stateTest,
      name: "a client is reconnecting while one of its two streams is down, even if the other receives data",
    },
    {
      promise: "`state` does not call a connection lost for one failed call while streams are up on it",
      id: "state-failed-call",
      mutation: { without: 1 },
      test: stateTest,
      name: "a failed call changes the state only if open streams fail too",
    },
    {
      promise: "`state` is `ready` only after the server has answered",
      id: "state-ready",
      mutation: "always",
      test: stateTest,
      name: "a call without an answer does not change the state",
    },
  ],
};

export const credentials: Chapter = {
  title: "Tokens and certificates",
  promises: [
    {
      promise: "a refused token is fetched anew once; refused again, it is the end: no storm",
      id: "token-fetched-once",
      mutation: "drop",
      test: tokenTest,
      name: "a refused token is fetched again once, and a second refusal is final until the next call",
    },
    {
      promise: "all calls that wait for a token share one call of the provider",
      id: "token-shared",
      mutation: { replace: ["??=", "="] },
      test: tokenTest,
      name: "a provider is asked once for all waiting calls, and not again while its token is valid",
    },
    {
      promise: "a token is fetched anew when it has expired",
      id: "token-expires",
      mutation: { without: 1 },
      test: tokenTest,
      name: "an expired token is fetched again",
    },
    {
      promise: "a provider that never answers is bounded by the time-out of the call",
      id: "token-in-time",
      mutation: "drop",
      test: connectionTest,
      name: "the time-out, the signal and close() bound a token provider that never settles",
    },
    {
      promise: "a static token that is refused is `UNAUTHENTICATED`, at once and for good",
      id: "static-token-final",
      mutation: { without: 0 },
      test: tokenTest,
      name: "a token given as a string is sent unchanged, and its refusal is final",
    },
    {
      promise: "a token does not travel in plain text to another machine unless you say so",
      id: "token-in-clear-refused",
      mutation: "drop",
      test: "test/unit/options.test.ts",
      name: "contradictory options",
    },
    {
      promise: "an answered ping proves no token: servers answer it whatever its token is",
      id: "ping-proves-no-token",
      mutation: "never",
      test: connectionTest,
      name: "a wrong token costs two calls and ends with UNAUTHENTICATED, even though pings are answered",
    },
    {
      promise: "a server's certificate that is refused does not cost a token",
      id: "certificate-costs-no-token",
      mutation: { without: 2 },
      test: "test/connection/tls-faults.test.ts",
      name: "CERT_HAS_EXPIRED",
    },
    {
      promise: "a key that is not the certificate's is refused at construction",
      id: "key-checked",
      mutation: "drop",
      test: "test/unit/options.test.ts",
      name: "a key of another certificate",
    },
    {
      promise: "certificates that are given as paths are read anew for each connection",
      id: "certificates-read-again",
      mutation: "once",
      test: "test/reliability/refusals.test.ts",
      name: "certificates given as paths are read again for each new connection",
    },
    {
      promise: "what is wrong with a certificate is said in words",
      id: "certificate-in-words",
      mutation: "drop",
      test: "test/connection/tls-faults.test.ts",
      name: "messages for TLS failures",
    },
  ],
};

export const limits: Chapter = {
  title: "Limits and bad input",
  promises: [
    {
      promise: "a message larger than `maxMessageBytes` is refused before a byte is sent",
      id: "message-too-large",
      mutation: "never",
      test: eventsTest,
      name: "a body of 101 MiB",
    },
    {
      promise: "a received message above the limit is refused by its header, before memory is asked for",
      id: "envelope-too-large",
      mutation: "never",
      test: "test/transport/envelopes.test.ts",
      name: "refuses a message above the limit by its header alone",
    },
    {
      promise:
        "control characters in a channel are refused: one would kill a connection that all clients of a server share",
      id: "channel-control-characters",
      mutation: "never",
      test: eventsTest,
      name: "a newline",
    },
    {
      promise: "a wildcard in a channel to send to is refused",
      id: "channel-wildcard",
      mutation: "never",
      test: eventsTest,
      name: "a wildcard",
    },
    {
      promise: "a `clientId` that a server's store cannot take is refused",
      id: "client-id-characters",
      mutation: "never",
      test: "test/events/store-input.test.ts",
      name: "clientId: ",
    },
    {
      promise: "sends that wait for room are bounded, and refused beyond",
      id: "bounded-senders",
      mutation: "never",
      test: "test/stream/uplink.test.ts",
      name: "an uplink refuses more waiting senders than its bound",
    },
  ],
};

const edgesTest = "test/transport/edges.test.ts";
const listenerTest = "test/transport/listener.test.ts";

export const transport: Chapter = {
  title: "On the wire",
  promises: [
    {
      promise: "a stream that is left is reset",
      id: "left-stream-reset",
      mutation: "drop",
      test: edgesTest,
      name: "messages buffered at an abort are dropped",
    },
    {
      promise:
        "a call that is aborted is reset with CANCEL, whatever the reason of the abort: anything else is an error to the server",
      id: "abort-resets-with-cancel",
      mutation: { replace: ["NGHTTP2_CANCEL", "NGHTTP2_INTERNAL_ERROR"] },
      test: edgesTest,
      name: "an abort with a plain error as its reason resets the stream with CANCEL",
    },
    {
      promise: "what was received and not read is dropped at an abort",
      id: "abort-drops-buffered",
      mutation: "drop",
      test: edgesTest,
      name: "messages buffered at an abort are dropped",
    },
    {
      promise: "a call that has ended leaves no listener on its signal",
      id: "call-leaves-no-listener",
      mutation: "drop",
      test: edgesTest,
      name: "every end of a call removes its listener from the signal",
    },
    {
      promise: "a deadline ends its call",
      id: "call-deadline",
      mutation: "drop",
      test: edgesTest,
      name: "a deadline resets the stream with CANCEL",
    },
    {
      promise: "a reader that stands still stops the server: nothing is read above a mark",
      id: "reader-pauses",
      mutation: "drop",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "and reading goes on when it moves",
      id: "reader-resumes",
      mutation: "drop",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "also when nothing came while it stood still",
      id: "resume-after-silence",
      mutation: { without: 1 },
      test: listenerTest,
      name: "more data than the window arrives after a pause without data",
    },
    {
      promise: "what was held back meanwhile comes before what comes later",
      id: "no-overtaking",
      mutation: { without: 2 },
      test: listenerTest,
      name: "a chunk does not overtake data held back while the stream was paused",
    },
    {
      promise: "a stream that ends in the middle of a message is a protocol error, not an end",
      id: "incomplete-message",
      mutation: "never",
      test: "test/transport/differential.test.ts",
      name: "half a message and OK",
    },
    {
      promise: "a stream that ends without a status is a lost connection, not an end",
      id: "end-without-status",
      mutation: "drop",
      test: "test/transport/differential.test.ts",
      name: "a message and no trailers",
    },
  ],
};
