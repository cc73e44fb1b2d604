import type { Chapter } from "./promise.js";

const namesTest = "test/unit/option-names.test.ts";
const argumentsTest = "test/unit/argument-types.test.ts";
const connectTest = "test/connection/connect.test.ts";
const connectionTest = "test/connection/connection.test.ts";
const callsAloneTest = "test/connection/calls-alone.test.ts";
const livenessTest = "test/connection/liveness.test.ts";
const stateTest = "test/connection/state.test.ts";
const tokenTest = "test/connection/token.test.ts";
const faultTest = "test/unit/fault.test.ts";
const eventsTest = "test/events/events.test.ts";

export const calls: Chapter = {
  title: "Calls",
  promises: [
    {
      promise: "The error of `connect()` names the server that was tried.",
      id: "connect-names-server",
      mutation: "always",
      test: connectTest,
      name: "connect with waitMs does not wait for a server whose certificate is not trusted",
    },
    {
      promise: "The error of a send that timed out says when nothing else was received from the server either.",
      id: "send-timeout-says-silence",
      mutation: "always",
      test: connectTest,
      name: "the error of a send that timed out says when the connection was silent meanwhile",
    },
    {
      promise: "An aborted call rejects with `signal.reason`.",
      id: "call-abort-reason",
      mutation: "drop",
      test: connectionTest,
      name: "a call rejects with the reason of its signal, before and after its start",
    },
    {
      promise: "No call is made when its signal is already aborted.",
      id: "call-aborted-before",
      mutation: "drop",
      test: connectionTest,
      name: "a call rejects with the reason of its signal, before and after its start",
    },
    {
      promise: "A lost call is never sent again, and its error is `retryable`.",
      id: "call-never-repeated",
      mutation: "never",
      test: connectionTest,
      name: "a lost call is not sent again, and its error is retryable",
    },
    {
      promise: "A call that the server says it has not begun with is sent again, once.",
      id: "unprocessed-call-repeated",
      mutation: { replace: ["1", "0"] },
      test: callsAloneTest,
      name: "a call that is refused twice fails, and is not sent a third time",
    },
    {
      promise: "Streams that open before the peer has named its limit share one connection.",
      id: "one-connection-unlimited",
      mutation: "drop",
      test: "test/connection/stream-limit.test.ts",
      name: "without a limit has one connection, however many subscriptions it has",
    },
    {
      promise: "A send opens no connection of its own where the streams of a connection are limited.",
      id: "sends-need-no-connection",
      mutation: "never",
      test: "test/connection/stream-limit.test.ts",
      name: "subscriptions work beside calls where a connection may have",
    },
    {
      promise: "A stream that a send opens while the one before is left is left in turn when it is idle.",
      id: "second-stream-left",
      mutation: "never",
      test: "test/stream/plain-sends.test.ts",
      name: "a stream that a send opens while the one before is left closes when idle",
    },
    {
      promise: "A connection that dies under calls alone is noticed while a call waits for its answer.",
      id: "calls-watched",
      mutation: "drop",
      test: callsAloneTest,
      name: "a call that waits long for its answer on a dead connection fails within the bound of the keepalive",
    },
    {
      promise: "A call without an answer has the connection checked at once.",
      id: "timeout-checks-connection",
      mutation: "drop",
      test: callsAloneTest,
      name: "alone is replaced within the bound of the keepalive",
    },
    {
      promise: "The state says that a connection is dead, although no call is running.",
      id: "dead-connection-in-state",
      mutation: "drop",
      test: callsAloneTest,
      name: "alone is replaced within the bound of the keepalive",
    },
    {
      promise:
        "The answer to a send counts when it waits in the socket of a process that was blocked until after the time-out.",
      id: "answer-in-socket-counts-on-stream",
      mutation: "always",
      test: callsAloneTest,
      name: "an answer that waits in the socket of a blocked process counts",
    },
    {
      promise: "`timeoutMs` limits calls, not streams.",
      id: "stream-no-deadline",
      mutation: { replace: [" 0,", " 1,"] },
      test: connectionTest,
      name: "a subscription has no deadline, whatever the time-out of calls",
    },
    {
      promise:
        "A lost connection is `UNAVAILABLE` in other realms, too (as under jest): causes are recognised by their shape.",
      id: "node-faults-by-shape",
      mutation: "never",
      test: faultTest,
      name: "an error of another realm is recognised by its shape",
    },
    {
      promise: "A subscription retries when its ClientID is still in use by a subscription that has just ended.",
      id: "client-id-taken",
      mutation: "never",
      test: faultTest,
      name: "a server's message about its own trouble becomes UNAVAILABLE and retryable",
    },
    {
      promise: "The server's message decides the error code before the gRPC code does.",
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
      promise: "`close()` resolves within its time limit, whatever hangs.",
      id: "close-bounded",
      mutation: { argument: 1 },
      test: connectionTest,
      name: "close() cancels unfinished calls after its bound",
    },
    {
      promise: "`close()` accepts any number as its time limit; `Infinity` means the longest possible timer.",
      id: "close-any-bound",
      mutation: { replace: ["|| 0", "&& 0"] },
      test: connectionTest,
      name: "close() accepts any number as its bound",
    },
    {
      promise: "`close()` never rejects, not even for arguments that are no options.",
      id: "close-any-argument",
      mutation: "drop",
      test: argumentsTest,
      name: "closes the client like close",
    },
    {
      promise: "`close()` lets running calls finish within its time limit.",
      id: "close-awaits-calls",
      mutation: "always",
      test: connectionTest,
      name: "close() lets a running call finish and ends loops without an error",
    },
    {
      promise: "`close()` does not wait for the client's own pings.",
      id: "close-ignores-pings",
      mutation: "always",
      test: connectionTest,
      name: "close() does not wait for the client's own pings",
    },
    {
      promise: "Repeated and concurrent calls of `close()` share one result.",
      id: "close-once",
      mutation: { replace: ["??=", "="] },
      test: connectionTest,
      name: "close() of an unused client resolves, also twice and concurrently",
    },
    {
      promise: "Calls and streams after `close()` are refused with `CLIENT_CLOSED`.",
      id: "closed-refuses",
      mutation: "drop",
      test: connectionTest,
      name: "a closed client refuses calls by rejection and streams synchronously",
    },
    {
      promise: "After its time limit, `close()` cancels the remaining calls, and their streams end without an error.",
      id: "close-cancels-streams",
      mutation: "drop",
      test: "test/events/publisher.test.ts",
      name: "publishing without awaiting is refused when 100,000 events are queued",
    },
    {
      promise: "`close()` closes the connection, so that the process can exit.",
      id: "close-ends-session",
      mutation: "drop",
      test: connectionTest,
      name: "close() closes the connection, so that the process can exit",
    },
    {
      promise: "The process of a closed client exits by itself within a second, whatever the client's state was.",
      id: "close-ends-session",
      mutation: "drop",
      test: "test/reliability/close.test.ts",
      name: "the process of a closed client exits by itself within a second",
    },
    {
      promise: "Readers of `status()` end after its last entry.",
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
      promise: "A stream recovers on the new connection when its own connection was replaced without its knowledge.",
      id: "older-sessions-cut",
      mutation: "drop",
      test: "test/reliability/forgotten.test.ts",
      name: "a stream on a replaced connection recovers on the new one",
    },
    {
      promise:
        "After GOAWAY, a connection with open streams is still checked: when it falls silent, its streams recover on a new one.",
      id: "leaving-session-cut",
      mutation: "drop",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "a connection after GOAWAY that becomes silent is replaced within interval and time-out, and its loops lose nothing",
    },
    {
      promise: "A connection that answers pings is kept, however long it is otherwise silent.",
      id: "leaving-session-asked",
      mutation: "drop",
      test: "test/reliability/asked-to-leave.test.ts",
      name: "a connection after GOAWAY is kept while it answers pings, however long it is silent",
    },
    {
      promise: "A server that stalls within a header block does not crash the process.",
      id: "header-block-outlived",
      mutation: "drop",
      test: "test/reliability/fuzz.test.ts",
      name: "a server that stalls within a header block and stops reading does not crash node:http2",
    },
    {
      promise:
        "A connection counts as dead when it is silent for `intervalMs` and then does not answer a ping within `timeoutMs`.",
      id: "dead-connection-noticed",
      mutation: "drop",
      test: livenessTest,
      name: "the liveness check reports a dead connection after an unanswered ping, within interval and time-out",
    },
    {
      promise: "A live connection is kept when a blocked event loop sends the ping so late that no answer is in time.",
      id: "late-ping-repeated",
      mutation: "drop",
      test: livenessTest,
      name: "ms before the ping is sent",
    },
    {
      promise: "Every stream of a dead connection recovers on a new connection.",
      id: "dead-connection-ended",
      mutation: "drop",
      test: connectionTest,
      name: "a connection that does not answer pings is closed, and its streams recover",
    },
    {
      promise: "Confirmed messages arrive, whichever direction of a connection is dead.",
      id: "dead-connection-ended",
      mutation: "drop",
      test: "test/reliability/restart.test.ts",
      name: "an idle client detects a half-open connection within interval and time-out, and loses nothing",
    },
    {
      promise: "Any other answer in the meantime shows that a connection is alive.",
      id: "ping-silence",
      mutation: { without: 1 },
      test: livenessTest,
      name: "the liveness check accepts any other answer as a sign of life",
    },
    {
      promise: "A refused ping counts as an answer.",
      id: "ping-silence",
      mutation: { without: 0 },
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "A ping that is refused because of the server's GOAWAY does not end the streams that continue.",
      id: "ping-silence",
      mutation: { replace: ['"TIMEOUT"', '"UNAVAILABLE", "TIMEOUT"'] },
      test: livenessTest,
      name: "is no silence",
    },
    {
      promise: "A connection that receives data is not pinged.",
      id: "busy-not-pinged",
      mutation: "never",
      test: livenessTest,
      name: "the liveness check pings only after a silent interval",
    },
    {
      promise: "A client without open streams sends no pings and has no timer.",
      id: "idle-no-timer",
      mutation: "drop",
      test: connectionTest,
      name: "liveness pings run only while a stream is open and silent",
    },
    {
      promise: "`state` is `reconnecting` while any stream is down.",
      id: "state-reconnecting",
      mutation: "drop",
      test: stateTest,
      name: "a client is reconnecting while one of its two streams is down, even if the other receives data",
    },
    {
      promise: "One failed call does not change `state` while streams on the connection are open.",
      id: "state-failed-call",
      mutation: { without: 1 },
      test: stateTest,
      name: "a failed call changes the state only if open streams fail too",
    },
    {
      promise: "`state` is `ready` only after an answer of the server.",
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
      promise: "A refused token is fetched again once; a second refusal is final.",
      id: "token-fetched-once",
      mutation: "drop",
      test: tokenTest,
      name: "a refused token is fetched again once, and a second refusal is final until the next call",
    },
    {
      promise: "All calls that wait for a token share one call of the provider.",
      id: "token-shared",
      mutation: { replace: ["??=", "="] },
      test: tokenTest,
      name: "a provider is asked once for all waiting calls, and not again while its token is valid",
    },
    {
      promise: "An expired token is fetched again.",
      id: "token-expires",
      mutation: { without: 1 },
      test: tokenTest,
      name: "an expired token is fetched again",
    },
    {
      promise: "The error of a failed token provider has its reason, in which the last token is left out.",
      id: "provider-error-without-token",
      mutation: { replace: ["=== undefined", "!== undefined"] },
      test: tokenTest,
      name: "the error of a failed provider has the provider's reason, without the token",
    },
    {
      promise: "The time-out of a call also limits a token provider that never settles.",
      id: "token-in-time",
      mutation: "drop",
      test: connectionTest,
      name: "the time-out, the signal and close() bound a token provider that never settles",
    },
    {
      promise: "A refused static token rejects with `UNAUTHENTICATED` at once, without a retry.",
      id: "static-token-final",
      mutation: { without: 0 },
      test: tokenTest,
      name: "a token given as a string is sent unchanged, and its refusal is final",
    },
    {
      promise: "A token is not sent in plain text to another machine unless the address starts with `http://`.",
      id: "token-in-clear-refused",
      mutation: "drop",
      test: "test/unit/options.test.ts",
      name: "contradictory options",
    },
    {
      promise: "An answered ping does not prove a token, because servers answer pings with any token.",
      id: "ping-proves-no-token",
      mutation: "never",
      test: connectionTest,
      name: "a wrong token ends with UNAUTHENTICATED after two calls, even though pings are answered",
    },
    {
      promise: "A refused server certificate does not cause a token to be fetched.",
      id: "certificate-costs-no-token",
      mutation: { without: 2 },
      test: "test/connection/tls-faults.test.ts",
      name: "CERT_HAS_EXPIRED",
    },
    {
      promise: "A key that does not match its certificate is refused at construction.",
      id: "key-checked",
      mutation: "drop",
      test: "test/unit/options.test.ts",
      name: "a key of another certificate",
    },
    {
      promise: "Certificates given as paths are read again for each connection.",
      id: "certificates-read-again",
      mutation: "once",
      test: "test/reliability/refusals.test.ts",
      name: "certificates given as paths are read again for each new connection",
    },
    {
      promise: "The error names the problem of a certificate.",
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
      promise: "A misspelt or misplaced property of a message is refused, with the name or the place that was meant.",
      id: "message-names-known",
      mutation: "drop",
      test: namesTest,
      name: "a misspelt or misplaced property of a message is refused",
    },
    {
      promise: "A misspelt or misplaced option of a call is refused, with the name or the place that was meant.",
      id: "call-options-known",
      mutation: "drop",
      test: namesTest,
      name: "a misspelt or misplaced option is refused",
    },
    {
      promise: "A message or a request that is no object is refused with `INVALID_ARGUMENT`, as every wrong argument.",
      id: "arguments-are-objects",
      mutation: "drop",
      test: argumentsTest,
      name: "that is no object",
    },
    {
      promise: "Half a surrogate pair in a channel is refused: it would be sent as U+FFFD.",
      id: "well-formed-names",
      mutation: "drop",
      test: argumentsTest,
      name: "half a surrogate pair, which would be sent as U+FFFD, is refused",
    },
    {
      promise: "A `signal` that is no `AbortSignal` is refused, instead of failing while the call runs.",
      id: "signal-checked",
      mutation: "drop",
      test: argumentsTest,
      name: "refuses options that are no object, and a signal that is none",
    },
    {
      promise: "The error for one message of a batch has the index of the message.",
      id: "refused-message-index",
      mutation: "drop",
      test: argumentsTest,
      name: "names the message that it refuses by its index",
    },
    {
      promise: "A received message, or a copy of it, can be sent again as it is.",
      id: "received-message-sendable",
      mutation: "never",
      test: "test/reliability/payloads.test.ts",
      name: "a received message, or a copy of it, can be sent to another channel as it is",
    },
    {
      promise: "A message above `maxMessageBytes` is refused before a byte is sent.",
      id: "message-too-large",
      mutation: "never",
      test: eventsTest,
      name: "a body of 101 MiB",
    },
    {
      promise: "A received message above the limit is refused by its header, before memory is allocated.",
      id: "envelope-too-large",
      mutation: "never",
      test: "test/transport/envelopes.test.ts",
      name: "a splitter refuses a message above the limit after its header",
    },
    {
      promise:
        "Control characters in a channel are refused, because one breaks a connection shared by all clients of a server.",
      id: "channel-control-characters",
      mutation: "never",
      test: eventsTest,
      name: "a newline",
    },
    {
      promise: "A subscription to a name with an empty part, which servers refuse, is refused before it is sent.",
      id: "filter-without-empty-parts",
      mutation: "never",
      test: eventsTest,
      name: "which servers refuse, is refused before it is sent",
    },
    {
      promise: "A wildcard is refused in a channel to send to.",
      id: "channel-wildcard",
      mutation: "never",
      test: eventsTest,
      name: "a wildcard",
    },
    {
      promise: "A `clientId` that a server's store does not accept is refused.",
      id: "client-id-characters",
      mutation: "never",
      test: "test/events/store-input.test.ts",
      name: "clientId: ",
    },
    {
      promise: "The number of sends that wait for room is limited; further ones are refused.",
      id: "bounded-senders",
      mutation: "never",
      test: "test/stream/uplink.test.ts",
      name: "an uplink refuses more waiting senders than its bound",
    },
  ],
};

const edgesTest = "test/transport/edges.test.ts";
const listenerTest = "test/transport/stream-events.test.ts";

export const transport: Chapter = {
  title: "On the wire",
  promises: [
    {
      promise: "The page of a proxy is reported by its HTTP status, also where a runtime reads it before the headers.",
      id: "page-before-headers",
      mutation: "drop",
      test: "test/transport/stream-events.test.ts",
      name: "data that arrives before its headers, as in Deno, is judged by them",
    },
    {
      promise: "Leaving a stream resets it.",
      id: "left-stream-reset",
      mutation: "drop",
      test: edgesTest,
      name: "messages that arrived in the same turn as the cancellation of a stream are dropped",
    },
    {
      promise: "An aborted call is reset with CANCEL, whatever the reason; to the server, any other code is an error.",
      id: "abort-resets-with-cancel",
      mutation: { replace: ["NGHTTP2_CANCEL", "NGHTTP2_INTERNAL_ERROR"] },
      test: edgesTest,
      name: "an abort with a plain error as its reason resets the stream with CANCEL",
    },
    {
      promise: "An abort discards messages that were received and not read.",
      id: "abort-drops-buffered",
      mutation: "drop",
      test: edgesTest,
      name: "messages that arrived in the same turn as the cancellation of a stream are dropped",
    },
    {
      promise: "A call that has ended leaves no listener on its signal.",
      id: "call-leaves-no-listener",
      mutation: "drop",
      test: edgesTest,
      name: "every end of a call removes its listener from the signal",
    },
    {
      promise: "A deadline ends its call.",
      id: "call-deadline",
      mutation: "drop",
      test: edgesTest,
      name: "a deadline resets the stream with CANCEL",
    },
    {
      promise: "A reader that stops reading stops the server: the buffered data is limited.",
      id: "reader-pauses",
      mutation: "drop",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "Reading continues when the reader does.",
      id: "reader-resumes",
      mutation: "drop",
      test: edgesTest,
      name: "flow control",
    },
    {
      promise: "Reading continues even if the call pauses again before it has read what had arrived.",
      id: "resume-of-buffered",
      mutation: "drop",
      test: listenerTest,
      name: "a call that pauses again while it reads delayed data receives more than a window",
    },
    {
      promise: "Reading continues even if no data arrived while it was stopped.",
      id: "resume-after-silence",
      mutation: { without: 1 },
      test: listenerTest,
      name: "more data than the window arrives after a pause without data",
    },
    {
      promise: "Data held back while reading was stopped is delivered before later data.",
      id: "no-overtaking",
      mutation: { without: 2 },
      test: listenerTest,
      name: "a chunk does not overtake data held back while the stream was paused",
    },
    {
      promise: "A stream that ends within a message is a protocol error.",
      id: "incomplete-message",
      mutation: "never",
      test: "test/transport/differential.test.ts",
      name: "half a message and OK",
    },
    {
      promise: "A stream that ends without a status is a lost connection.",
      id: "end-without-status",
      mutation: "bare",
      test: "test/transport/differential.test.ts",
      name: "a message and no trailers",
    },
  ],
};
