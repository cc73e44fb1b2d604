import type { Chapter } from "./promise.js";

const resumeTest = "test/events/resume.test.ts";
const wireTest = "test/events/store-wire.test.ts";
const gapsTest = "test/events/store-gaps.test.ts";

export const store: Chapter = {
  title: "Events store",
  promises: [
    {
      promise:
        "A channel that a server lost, and that has passed the last received event again, is read from its start.",
      id: "store-resumes-at-last",
      mutation: { replace: ["0n", "1n"] },
      test: resumeTest,
      name: "a restarted channel that has passed the last event is read from its first event",
    },
    {
      promise: "Each attempt has its own ClientID, because a server ignores the start position of a known one.",
      id: "store-client-id-per-attempt",
      mutation: { replace: ["8", "0"] },
      test: wireTest,
      name: "a group member repeats its request with its own ClientID",
    },
    {
      promise: "A start from `new` includes events stored while the connection was down.",
      id: "store-new-since-first-attempt",
      mutation: "drop",
      test: gapsTest,
      name: "a store subscription delivers events stored while it was disconnected, also after a start with new events",
    },
    {
      promise: "`timeDelta` counts back from the first attempt, not from each.",
      id: "store-delta-since-first-attempt",
      mutation: "always",
      test: resumeTest,
      name: "a later attempt without a received event keeps the time of the first",
    },
    {
      promise:
        "Events that a server drops because the loop is slow are detected by their sequences, and fetched again.",
      id: "store-gap-fetched",
      mutation: "drop",
      test: wireTest,
      name: "a gap opens the next attempt at once, without a back-off delay",
    },
    {
      promise: "Dropped events at the end of a channel are fetched again without a later event.",
      id: "store-tail-fetched",
      mutation: "drop",
      test: wireTest,
      name: "after flow control held back the server, a silent channel is requested again once",
    },
    {
      promise: "No stored event is delivered twice.",
      id: "store-no-repeats",
      mutation: "drop",
      test: resumeTest,
      name: "events are delivered in sequence, and duplicates once",
    },
    {
      promise: "Events that the server no longer has are reported as a lost gap, and the loop continues.",
      id: "store-lost-gap",
      mutation: "never",
      test: resumeTest,
      name: "a gap that returns three times is reported, and the next gap is fetched again",
    },
    {
      promise:
        "When a server restarts without its store, store loops read it from its new start, and loops of all patterns continue.",
      id: "store-no-repeats",
      mutation: "always",
      test: "test/reliability/restart.test.ts",
      name: "every loop continues: the store from its new start, queues and events with new messages",
    },
    {
      promise: "A channel that lost its events and restarted its sequence is read from its new start.",
      id: "store-new-beginning",
      mutation: "drop",
      test: resumeTest,
      name: "a restarted channel is read from its first event when a later one arrives",
    },
    {
      promise: "A start time is sent in nanoseconds; in any other unit a server would replay every event.",
      id: "store-time-in-nanos",
      mutation: { replace: ["*", "+"] },
      test: "test/events/store-start.test.ts",
      name: "start positions over ten events one second apart",
    },
    {
      promise: "`position` is the last event whose loop body has finished.",
      id: "store-position",
      mutation: "drop",
      test: wireTest,
      name: "position is the last event whose loop body finished",
    },
    {
      promise:
        "A replay ends at the event that was last when it was called, whatever is stored or deleted in the meantime.",
      id: "replay-ends",
      mutation: "always",
      test: "test/events/store-replay.test.ts",
      name: "a replay whose last events are purged ends before later events",
    },
    {
      promise:
        "A replay contains every event that its client published before, even if the server stores an event after confirming it.",
      id: "replay-contains-own-writes",
      mutation: { without: 1 },
      test: "test/events/own-writes.test.ts",
      name: "a replay from the first event contains all of the client's events",
    },
  ],
};

const publisherTest = "test/events/publisher.test.ts";
const eventsTest = "test/events/events.test.ts";

export const publishing: Chapter = {
  title: "Publishers of events",
  promises: [
    {
      promise: "Each event is matched with its own answer by its id, in any order of answers.",
      id: "answer-by-id",
      mutation: { replace: ["===", "!=="] },
      test: publisherTest,
      name: "answers that are reordered, duplicated or missing settle their own events",
    },
    {
      promise: "A refusal of a plain event rejects the promise of that event.",
      id: "event-refusal",
      mutation: "always",
      test: publisherTest,
      name: "a refused event rejects its own promise, and the others resolve",
    },
    {
      promise: "The promise of a plain event resolves after the server has processed the event.",
      id: "event-stream-end",
      mutation: "always",
      test: publisherTest,
      name: "a stream that the server ends early rejects its events",
    },
    {
      promise: "Plain events are confirmed without delay when their caller awaits them.",
      id: "awaited-events-confirmed",
      mutation: { without: 1 },
      test: publisherTest,
      name: "are confirmed without delay together with",
    },
    {
      promise: "Events whose processing the server does not show in time reject, and later events do not.",
      id: "late-stream-end",
      mutation: "drop",
      test: publisherTest,
      name: "a stream that does not end in time rejects its own events and not later ones",
    },
    {
      promise: "An event without an answer in time rejects with `TIMEOUT`.",
      id: "send-timeout",
      mutation: "drop",
      test: "test/events/publisher.test.ts",
      name: "a stream that does not end in time rejects its own events and not later ones",
    },
    {
      promise: "The time-out of an event starts when that event is sent.",
      id: "event-timeout-since-sent",
      mutation: "drop",
      test: "test/stream/deadlines.test.ts",
      name: "each message has its whole time-out, starting in the turn in which it was sent",
    },
    {
      promise: "A lost connection rejects unanswered events; none is sent again silently.",
      id: "lost-connection-rejects-events",
      mutation: "drop",
      test: "test/events/store-publish.test.ts",
      name: "a lost connection rejects unanswered stored events, and publishing continues",
    },
    {
      promise: "The next event after a lost connection opens a new stream.",
      id: "publisher-reopens",
      mutation: "always",
      test: eventsTest,
      name: "a lost connection rejects unanswered events, and the next event opens a new stream",
    },
    {
      promise: "`close()` of an events publisher waits for the answers of all accepted events.",
      id: "publisher-close-flushes",
      mutation: "drop",
      test: eventsTest,
      name: "close() sends accepted events and refuses later ones",
    },
    {
      promise: "Events published after `close()` are refused.",
      id: "publisher-closing-refuses",
      mutation: "drop",
      test: eventsTest,
      name: "close() sends accepted events and refuses later ones",
    },
    {
      promise: "`publish` rejects when 100,000 events are queued.",
      id: "publisher-bounded-waiting",
      mutation: "always",
      test: publisherTest,
      name: "publishing without awaiting is refused when 100,000 events are queued",
    },
    {
      promise: "At most 1,024 events are unanswered at a time.",
      id: "publisher-bounded-in-flight",
      mutation: { without: 1 },
      test: publisherTest,
      name: "at most 1,024 events are unanswered, however many are published at once, and their order is kept",
    },
  ],
};

const requestsTest = "test/requests/requests.test.ts";
const outcomesTest = "test/requests/outcomes.test.ts";
const handleTest = "test/requests/handle.test.ts";

export const requests: Chapter = {
  title: "Commands and queries",
  promises: [
    {
      promise: "The client waits longer than the server for a response, so that the server's own answer arrives.",
      id: "request-margin",
      mutation: { replace: ["+", "||"] },
      test: requestsTest,
      name: "the server waits for the request's own time-out, whatever the client's default",
    },
    {
      promise: "The client's default time-out does not limit the time-out of a request.",
      id: "request-own-timeout",
      mutation: { without: 0 },
      test: requestsTest,
      name: "the server waits for the request's own time-out, whatever the client's default",
    },
    {
      promise: "A request without a response (the server's error 301) rejects with `TIMEOUT`.",
      id: "request-unanswered",
      mutation: "drop",
      test: outcomesTest,
      name: "the requester's timeout passes",
    },
    {
      promise: "A second response to a request rejects with `ALREADY_RESPONDED`.",
      id: "answered-once",
      mutation: "never",
      test: requestsTest,
      name: "a second response is refused, also while the first is in flight, and a failed one may be repeated",
    },
    {
      promise: "A response that could not be sent may be sent again.",
      id: "answer-repeatable",
      mutation: "drop",
      test: requestsTest,
      name: "a second response is refused, also while the first is in flight, and a failed one may be repeated",
    },
    {
      promise: "Leaving a loop by `break` fails its unanswered request at once, so that the requester does not wait.",
      id: "break-fails-request",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder leaves its loop by break",
    },
    {
      promise: "Leaving a loop by `break` also fails the requests that waited in its buffer.",
      id: "release-fails-waiting-requests",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "A request whose requester has given up is not delivered.",
      id: "late-request-skipped",
      mutation: "never",
      test: requestsTest,
      name: "a request whose requester has given up is not delivered",
    },
    {
      promise: "A stopped responder receives no further request while its body still runs.",
      id: "stopped-responder-cancels",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "A loop body that runs when the client closes can still respond.",
      id: "respond-while-closing",
      mutation: { replace: ["true", "false"] },
      test: outcomesTest,
      name: "the responder's client closes while the body runs",
    },
    {
      promise: "`request.signal` aborts when the requester's timeout has passed.",
      id: "request-signal-expires",
      mutation: "empty",
      test: outcomesTest,
      name: "the requester's timeout passes",
    },
    {
      promise: "`handle` runs at most `concurrency` handlers at once.",
      id: "handle-concurrency",
      mutation: "never",
      test: handleTest,
      name: "a handler runs at most as many requests at once as its concurrency",
    },
    {
      promise: "A handler that throws fails its request.",
      id: "handler-throw-fails-request",
      mutation: "empty",
      test: handleTest,
      name: "a handler executes by returning, fails by throwing, and may respond itself",
    },
    {
      promise: "A command handler that returns an error, or the failed result of another command, fails its request.",
      id: "returned-error-fails",
      mutation: "drop",
      test: handleTest,
      name: "a failed result or an error that a command handler returns fails the command",
    },
    {
      promise: "`handle` waits for running handlers when it is stopped.",
      id: "handlers-drained",
      mutation: "always",
      test: handleTest,
      name: "an abort lets running handlers finish and fails waiting requests at once",
    },
    {
      promise: "Handlers that still run when the time of `client.close()` has passed are told by their signals.",
      id: "handlers-end-with-close",
      mutation: "drop",
      test: handleTest,
      name: "the time of client.close() has passed while a handler runs",
    },
    {
      promise: "A response lost with its connection is sent again.",
      id: "response-sent-again",
      mutation: "always",
      test: handleTest,
      name: "a handler sends its response again after the connection was lost",
    },
    {
      promise: "A handler that returns a reply with an error fails its request.",
      id: "whole-reply-can-fail",
      mutation: "always",
      test: handleTest,
      name: "a query handler returns a whole reply, and a failure carries tags to the requester",
    },
    {
      promise: "A failed request carries its tags to the requester.",
      id: "failure-carries-tags",
      mutation: { replace: ["tags, span", "span"] },
      test: handleTest,
      name: "a query handler returns a whole reply, and a failure carries tags to the requester",
    },
    {
      promise: "What a handler returns is encoded by `responseCodec`, also when it looks like a reply.",
      id: "handler-codec-answers",
      mutation: "never",
      test: handleTest,
      name: "the codec of a response encodes a value that looks like a reply",
    },
  ],
};
