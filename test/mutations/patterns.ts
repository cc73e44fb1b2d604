import type { Chapter } from "./promise.js";

const resume = "src/events/resume.ts";
const plans = "src/events/store-plans.ts";
const resumeTest = "test/events/resume.test.ts";
const wireTest = "test/events/store-wire.test.ts";
const gapsTest = "test/events/store-gaps.test.ts";

export const store: Chapter = {
  title: "Events store",
  promises: [
    {
      promise: "a subscription resumes with the event after the last one it has received",
      file: resume,
      find: "sequence: this.#last.sequence + 1n };",
      replace: "sequence: this.#last.sequence };",
      test: resumeTest,
      name: "after events, behind the last of them",
    },
    {
      promise: "each attempt has a ClientID of its own, since a server ignores the start of one that it knows",
      file: plans,
      find: "const clientId = `${connection.options.clientId}-${crypto.randomUUID().slice(0, 8)}`;",
      replace: "const { clientId } = connection.options;",
      test: wireTest,
      name: "a member of a group asks each time for the same, with a ClientID of its own",
    },
    {
      promise: "`new` means new since the first attempt: what is stored while the connection is down comes, too",
      file: resume,
      find: `if (start.from === "new") return { from: "time", nanos: this.#firstAttempt };`,
      replace: "",
      test: gapsTest,
      name: "what was stored while the subscriber was away comes, also after a start with what is new",
    },
    {
      promise: "`timeDelta` counts back from the first attempt, not from each",
      file: resume,
      find: `if (start.from !== "timeDelta") return start;`,
      replace: "return start;",
      test: resumeTest,
      name: "a later one without any event",
    },
    {
      promise: "what a server drops because the loop is slow is noticed by its sequence, and fetched again",
      file: plans,
      find: "this.attempt?.renew();",
      replace: "",
      test: wireTest,
      name: "a gap opens the next attempt at once, without a back-off",
    },
    {
      promise: "so are the last events of a channel, which no later one betrays",
      file: plans,
      find: "if (heldBackMs >= HELD_BACK_MS) this.#isSuspect = true;",
      replace: "",
      test: wireTest,
      name: "after the server was held back, the end is looked at again, once, when nothing comes",
    },
    {
      promise: "no event is delivered twice",
      file: resume,
      find: "if (!isFirst && nanos <= lastNanos) return REPEATED;",
      replace: "",
      test: resumeTest,
      name: "events in sequence, and those that come twice once",
    },
    {
      promise: "events that are gone for good are reported as a lost gap, and the loop goes on",
      file: resume,
      find: "const lost = this.#repairs >= REPAIRS;",
      replace: "const lost = false;",
      test: resumeTest,
      name: "a gap that returns three times is gone, and the next gap is fetched again",
    },
    {
      promise:
        "a server that comes back without its store is read from its new beginning, and loops of all patterns go on",
      file: resume,
      find: "if (!isFirst && nanos <= lastNanos) return REPEATED;",
      replace: "if (sequence < expected) return REPEATED;",
      test: "test/reliability/restart.test.ts",
      name: "every loop goes on: the store from its new beginning, queues and events with what is new",
    },
    {
      promise: "a channel that lost its events and counts anew is read from its new beginning",
      file: resume,
      find: "this.#expected = 1n;",
      replace: "",
      test: resumeTest,
      name: "is read from its first event on, when a later one comes",
    },
    {
      promise: "a start time travels in nanoseconds: in any other unit a server would replay everything",
      file: "src/support/time.ts",
      find: "return BigInt(time.getTime()) * NANOS_PER_MS;",
      replace: "return BigInt(time.getTime());",
      test: "test/events/store-start.test.ts",
      name: "start positions, against ten events a second apart",
    },
    {
      promise: "`position` is the last event whose loop body has finished",
      file: plans,
      find: "this.position = event.sequence;",
      replace: "",
      test: wireTest,
      name: "the position is the last event whose body finished",
    },
    {
      promise: "a replay ends where the channel ended when it was called, whatever is stored or deleted meanwhile",
      file: plans,
      find: "return event.sequence <= end ? event : undefined;",
      replace: "return event;",
      test: "test/events/store-replay.test.ts",
      name: "whose end is purged meanwhile ends too, before what was stored behind it",
    },
  ],
};

const publisher = "src/events/publisher.ts";
const publisherTest = "test/events/publisher.test.ts";
const eventsTest = "test/events/events.test.ts";

export const publishing: Chapter = {
  title: "Publishers of events",
  promises: [
    {
      promise: "each event gets its own answer, by its id, in whatever order answers come",
      file: "src/stream/pending-answers.ts",
      find: "return this.#sent.take((sent) => sent.id === id);",
      replace: "return this.#sent.take(() => id !== undefined);",
      test: publisherTest,
      name: "answers that come in another order, twice or not at all reach their own events",
    },
    {
      promise: "a refusal of a plain event reaches the promise of that event",
      file: publisher,
      find: "const refusal = refusalOf(result);",
      replace: "const refusal = undefined;",
      test: publisherTest,
      name: "a refusal in band reaches the promise of its own event; the others are fulfilled",
    },
    {
      promise: "a plain event is fulfilled when the server has processed it, which a fence behind it tells",
      file: publisher,
      find: `if (!this.#plan.answered && this.#fence === "none") {`,
      replace: "if (this.#plan.kind === undefined) {",
      test: publisherTest,
      name: "one fence confirms all events of a tick",
    },
    {
      promise: "a fence that gets lost fails what is before it, and not what was sent behind it",
      file: publisher,
      find: `if (late.some(({ kind }) => kind === "fence")) this.#fenceRest();`,
      replace: `if (late.some(({ kind }) => kind === "fence")) this.#fence = "none";`,
      test: publisherTest,
      name: "a fence that is not answered in time fails what is before it, and not what was sent behind it",
    },
    {
      promise: "an event whose answer does not come in time rejects with `TIMEOUT`",
      file: publisher,
      find: `fault("TIMEOUT", this.#subject(sent.channel), "no answer from the server in time")`,
      replace: "undefined",
      test: eventsTest,
      name: "no answer in time is TIMEOUT, for its own event",
    },
    {
      promise: "the time-out of an event counts from when it was sent, not from when those before it were",
      file: "src/support/turn-clock.ts",
      find: "queueMicrotask(this.#forget);",
      replace: "",
      test: "test/stream/pending-answers.test.ts",
      name: "each message has its whole time-out, from the turn in which it was sent",
    },
    {
      promise: "a lost connection rejects what is unanswered; nothing is sent again in silence",
      file: publisher,
      find: `if (sent.kind === "event") this.#settle(sent, errorFor(sent.channel));`,
      replace: "",
      test: eventsTest,
      name: "a lost connection rejects what was unanswered, and the next event opens a new stream",
    },
    {
      promise: "after it the next event opens a new stream",
      file: publisher,
      find: `if (!this.#reconnects && this.#state.kind === "open") return this.#end(error);`,
      replace: "return this.#end(error);",
      test: eventsTest,
      name: "a lost connection rejects what was unanswered, and the next event opens a new stream",
    },
    {
      promise: "`close()` waits until everything accepted before it has its answer",
      file: publisher,
      find: "await this.flush();",
      replace: "",
      test: eventsTest,
      name: "close() flushes what was accepted, and refuses what comes later",
    },
    {
      promise: "what comes after `close()` is refused",
      file: publisher,
      find: `if (this.#state.kind === "closing") throw clientClosed(this.#subject());`,
      replace: "",
      test: eventsTest,
      name: "close() flushes what was accepted, and refuses what comes later",
    },
    {
      promise: "who does not await is refused when 100,000 events wait",
      file: publisher,
      find: "else if (this.#waiting.size < MAX_WAITING)",
      replace: "else if (this.#waiting.size >= 0)",
      test: publisherTest,
      name: "who does not await is refused when 100,000 wait",
    },
    {
      promise: "no more than 1,024 events are on their way at once",
      file: publisher,
      find: "this.#events < MAX_IN_FLIGHT && ",
      replace: "",
      test: publisherTest,
      name: "no more than 1,024 are on their way, however many are published at once, and they keep their order",
    },
  ],
};

const request = "src/requests/received-request.ts";
const requestStream = "src/requests/subscribe.ts";
const requestsTest = "test/requests/requests.test.ts";
const outcomesTest = "test/requests/outcomes.test.ts";
const handle = "src/requests/handle.ts";
const handleTest = "test/requests/handle.test.ts";

export const requests: Chapter = {
  title: "Commands and queries",
  promises: [
    {
      promise: "the call waits longer than the server does, so that the server's own answer arrives",
      file: "src/requests/ask.ts",
      find: "timeoutMs: Math.min(timeoutMs + MARGIN_MS, MAX_TIMER_MS),",
      replace: "timeoutMs: Math.min(timeoutMs, MAX_TIMER_MS),",
      test: requestsTest,
      name: "the server waits as long as the request says, whatever the client's default is",
    },
    {
      promise: "the client's default does not cap the time-out of a request",
      file: "src/requests/ask.ts",
      find: "const timeoutMs = options?.timeoutMs ?? Math.ceil(connection.options.timeoutMs);",
      replace: "const timeoutMs = Math.ceil(connection.options.timeoutMs);",
      test: requestsTest,
      name: "the server waits as long as the request says, whatever the client's default is",
    },
    {
      promise: "nobody answered (the server's error 301) is `TIMEOUT`",
      file: "src/support/faults.ts",
      find: "case 301:",
      replace: "",
      test: outcomesTest,
      name: "the asker's time-out passes",
    },
    {
      promise: "a request is answered once; the second answer rejects with `ALREADY_RESPONDED`",
      file: request,
      find: `if (progress.kind !== "open") {`,
      replace: `if (progress.kind === "released") {`,
      test: requestsTest,
      name: "a second answer is refused, also while the first is on its way; a failed one may be repaired",
    },
    {
      promise: "an answer that could not be sent may be repeated",
      file: request,
      find: `      this.#progress = { kind: "open" };`,
      replace: "",
      test: requestsTest,
      name: "a second answer is refused, also while the first is on its way; a failed one may be repaired",
    },
    {
      promise: "a request whose loop is left by `break` without an answer is failed at once: its asker need not wait",
      file: requestStream,
      find: `this.#release(request, "without an answer");`,
      replace: "",
      test: outcomesTest,
      name: "the responder leaves its loop by break",
    },
    {
      promise: "so are those that waited for their turn",
      file: requestStream,
      find: `this.#release(request, "before it took the request up");`,
      replace: "",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "a request whose asker has given up while it waited is not delivered",
      file: requestStream,
      find: "return request.isLate;",
      replace: "return false;",
      test: requestsTest,
      name: "a request whose asker has given up while it waited for its turn is not delivered",
    },
    {
      promise: "a responder that is stopped is given no further request, while its body goes on",
      file: requestStream,
      find: "    this.#cancel();",
      replace: "",
      test: outcomesTest,
      name: "the responder's signal aborts in the body; another request waits",
    },
    {
      promise: "the body that runs when the client closes can still respond",
      file: requestStream,
      find: "settles: true",
      replace: "settles: false",
      test: outcomesTest,
      name: "the responder's client closes while the body runs",
    },
    {
      promise: "`request.signal` aborts when the asker's time has passed",
      file: request,
      find: 'const expire = () => controller.abort(this.#late("signal"));',
      replace: "const expire = () => {};",
      test: outcomesTest,
      name: "the asker's time-out passes",
    },
    {
      promise: "`handle` runs no more than `concurrency` handlers at once",
      file: handle,
      find: "if (running.size >= concurrency && !stopped)",
      replace: "if (concurrency < 1)",
      test: handleTest,
      name: "runs so many at once and no more, and goes on when one is done",
    },
    {
      promise: "a handler that throws fails its request",
      file: handle,
      find: "respond = failWith(error);",
      replace: "respond = async () => {};",
      test: handleTest,
      name: "carries out by returning, fails by throwing, and answers by itself if it likes",
    },
    {
      promise: "handlers that run when `handle` is stopped are waited for",
      file: handle,
      find: "if (await settled(boundMs)) return undefined;",
      replace: "return undefined;",
      test: handleTest,
      name: "finishes what runs when its signal aborts; what waits is failed at once",
    },
    {
      promise: "a response that a lost connection has swallowed is sent again",
      file: handle,
      find: "if (!error.retryable || reconnect === false || failures > reconnect.maxAttempts) return error;",
      replace: "return error;",
      test: handleTest,
      name: "sends its response again when the connection is lost under it",
    },
  ],
};
