import type { Chapter } from "./promise.js";

const resumeTest = "test/events/resume.test.ts";
const wireTest = "test/events/store-wire.test.ts";
const gapsTest = "test/events/store-gaps.test.ts";

export const store: Chapter = {
  title: "Events store",
  promises: [
    {
      promise: "a subscription resumes with the event after the last one it has received",
      id: "store-resumes-behind-last",
      mutation: { replace: ["1n", "0n"] },
      test: resumeTest,
      name: "an attempt after received events starts behind the last one",
    },
    {
      promise: "each attempt has a ClientID of its own, since a server ignores the start of one that it knows",
      id: "store-client-id-per-attempt",
      mutation: { replace: ["8", "0"] },
      test: wireTest,
      name: "a group member repeats its request with its own ClientID",
    },
    {
      promise: "`new` means new since the first attempt: what is stored while the connection is down comes, too",
      id: "store-new-since-first-attempt",
      mutation: "drop",
      test: gapsTest,
      name: "delivers events stored while the subscriber was away, also after a start with new events",
    },
    {
      promise: "`timeDelta` counts back from the first attempt, not from each",
      id: "store-delta-since-first-attempt",
      mutation: "always",
      test: resumeTest,
      name: "a later attempt without a received event keeps the time of the first",
    },
    {
      promise: "what a server drops because the loop is slow is noticed by its sequence, and fetched again",
      id: "store-gap-fetched",
      mutation: "drop",
      test: wireTest,
      name: "a gap opens the next attempt at once, without a back-off delay",
    },
    {
      promise: "so are the last events of a channel, which no later one betrays",
      id: "store-tail-fetched",
      mutation: "drop",
      test: wireTest,
      name: "after flow control held back the server, a silent channel is requested again once",
    },
    {
      promise: "no event is delivered twice",
      id: "store-no-repeats",
      mutation: "drop",
      test: resumeTest,
      name: "events are delivered in sequence, and duplicates once",
    },
    {
      promise: "events that are gone for good are reported as a lost gap, and the loop goes on",
      id: "store-lost-gap",
      mutation: "never",
      test: resumeTest,
      name: "a gap that returns three times is reported, and the next gap is fetched again",
    },
    {
      promise:
        "a server that comes back without its store is read from its new beginning, and loops of all patterns go on",
      id: "store-no-repeats",
      mutation: "always",
      test: "test/reliability/restart.test.ts",
      name: "every loop continues: the store from its new start, queues and events with new messages",
    },
    {
      promise: "a channel that lost its events and counts anew is read from its new beginning",
      id: "store-new-beginning",
      mutation: "drop",
      test: resumeTest,
      name: "a restarted channel is read from its first event when a later one arrives",
    },
    {
      promise: "a start time travels in nanoseconds: in any other unit a server would replay everything",
      id: "store-time-in-nanos",
      mutation: { replace: ["*", "+"] },
      test: "test/events/store-start.test.ts",
      name: "start positions over ten events one second apart",
    },
    {
      promise: "`position` is the last event whose loop body has finished",
      id: "store-position",
      mutation: "drop",
      test: wireTest,
      name: "position is the last event whose loop body finished",
    },
    {
      promise: "a replay ends where the channel ended when it was called, whatever is stored or deleted meanwhile",
      id: "replay-ends",
      mutation: "always",
      test: "test/events/store-replay.test.ts",
      name: "a replay whose last events are purged ends before later events",
    },
    {
      promise:
        "a replay contains what its client has published before, also when the server stores it after it has confirmed it",
      id: "replay-contains-own-writes",
      mutation: { without: 1 },
      test: "test/events/own-writes.test.ts",
      name: "from the first event contains all of it",
    },
  ],
};

const publisherTest = "test/events/publisher.test.ts";
const eventsTest = "test/events/events.test.ts";

export const publishing: Chapter = {
  title: "Publishers of events",
  promises: [
    {
      promise: "each event gets its own answer, by its id, in whatever order answers come",
      id: "answer-by-id",
      mutation: { replace: ["===", "!=="] },
      test: publisherTest,
      name: "answers that are reordered, duplicated or missing settle their own events",
    },
    {
      promise: "a refusal of a plain event reaches the promise of that event",
      id: "event-refusal",
      mutation: "always",
      test: publisherTest,
      name: "a refused event rejects its own promise, and the others resolve",
    },
    {
      promise: "a plain event is fulfilled when the server has processed it, which the end of its stream tells",
      id: "event-stream-end",
      mutation: "always",
      test: publisherTest,
      name: "a stream that the server ends before it has taken all rejects what is on it",
    },
    {
      promise: "a stream whose end does not come fails what is on it, and not what was published behind it",
      id: "late-stream-end",
      mutation: "drop",
      test: publisherTest,
      name: "a stream that does not end in time fails what is on it, and not what was published behind it",
    },
    {
      promise: "an event whose answer does not come in time rejects with `TIMEOUT`",
      id: "send-timeout",
      mutation: "drop",
      test: eventsTest,
      name: "an event without an answer in time rejects with TIMEOUT",
    },
    {
      promise: "the time-out of an event counts from when it was sent, not from when those before it were",
      id: "event-timeout-since-sent",
      mutation: "drop",
      test: "test/stream/deadlines.test.ts",
      name: "each message has its whole time-out, starting in the turn in which it was sent",
    },
    {
      promise: "a lost connection rejects what is unanswered; nothing is sent again in silence",
      id: "lost-connection-rejects-events",
      mutation: "drop",
      test: eventsTest,
      name: "a lost connection rejects unanswered events, and the next event opens a new stream",
    },
    {
      promise: "after it the next event opens a new stream",
      id: "publisher-reopens",
      mutation: "always",
      test: eventsTest,
      name: "a lost connection rejects unanswered events, and the next event opens a new stream",
    },
    {
      promise: "`close()` waits until everything accepted before it has its answer",
      id: "publisher-close-flushes",
      mutation: "drop",
      test: eventsTest,
      name: "close() sends accepted events and refuses later ones",
    },
    {
      promise: "what comes after `close()` is refused",
      id: "publisher-closing-refuses",
      mutation: "drop",
      test: eventsTest,
      name: "close() sends accepted events and refuses later ones",
    },
    {
      promise: "who does not await is refused when 100,000 events wait",
      id: "publisher-bounded-waiting",
      mutation: "always",
      test: publisherTest,
      name: "publishing without awaiting is refused when 100,000 events are queued",
    },
    {
      promise: "no more than 1,024 events are on their way at once",
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
      promise: "the call waits longer than the server does, so that the server's own answer arrives",
      id: "request-margin",
      mutation: { replace: ["+", "||"] },
      test: requestsTest,
      name: "the server waits for the request's own time-out, whatever the client's default",
    },
    {
      promise: "the client's default does not cap the time-out of a request",
      id: "request-own-timeout",
      mutation: { without: 0 },
      test: requestsTest,
      name: "the server waits for the request's own time-out, whatever the client's default",
    },
    {
      promise: "nobody answered (the server's error 301) is `TIMEOUT`",
      id: "request-unanswered",
      mutation: "drop",
      test: outcomesTest,
      name: "the asker's time-out passes",
    },
    {
      promise: "a request is answered once; the second answer rejects with `ALREADY_RESPONDED`",
      id: "answered-once",
      mutation: "never",
      test: requestsTest,
      name: "a second response is refused, also while the first is in flight, and a failed one may be repeated",
    },
    {
      promise: "an answer that could not be sent may be repeated",
      id: "answer-repeatable",
      mutation: "drop",
      test: requestsTest,
      name: "a second response is refused, also while the first is in flight, and a failed one may be repeated",
    },
    {
      promise: "a request whose loop is left by `break` without an answer is failed at once: its asker need not wait",
      id: "break-fails-request",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder leaves its loop by break",
    },
    {
      promise: "so are those that waited for their turn",
      id: "release-fails-waiting-requests",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "a request whose asker has given up while it waited is not delivered",
      id: "late-request-skipped",
      mutation: "never",
      test: requestsTest,
      name: "a request whose asker has given up is not delivered",
    },
    {
      promise: "a responder that is stopped is given no further request, while its body goes on",
      id: "stopped-responder-cancels",
      mutation: "drop",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "the body that runs when the client closes can still respond",
      id: "respond-while-closing",
      mutation: { replace: ["true", "false"] },
      test: outcomesTest,
      name: "the responder's client closes while the body runs",
    },
    {
      promise: "`request.signal` aborts when the asker's time has passed",
      id: "request-signal-expires",
      mutation: "empty",
      test: outcomesTest,
      name: "the asker's time-out passes",
    },
    {
      promise: "`handle` runs no more than `concurrency` handlers at once",
      id: "handle-concurrency",
      mutation: "never",
      test: handleTest,
      name: "a handler runs at most as many requests at once as its concurrency",
    },
    {
      promise: "a handler that throws fails its request",
      id: "handler-throw-fails-request",
      mutation: "empty",
      test: handleTest,
      name: "a handler executes by returning, fails by throwing, and may respond itself",
    },
    {
      promise: "handlers that run when `handle` is stopped are waited for",
      id: "handlers-drained",
      mutation: "always",
      test: handleTest,
      name: "an abort lets running handlers finish and fails waiting requests at once",
    },
    {
      promise: "a response that a lost connection has swallowed is sent again",
      id: "response-sent-again",
      mutation: "always",
      test: handleTest,
      name: "a handler sends its response again after the connection was lost",
    },
  ],
};
