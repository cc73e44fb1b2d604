import type { Chapter } from "./promise.js";

const settleTest = "test/queues/settle.test.ts";
const leavingTest = "test/queues/leaving.test.ts";
const consumeTest = "test/queues/consume.test.ts";
const leaseTest = "test/queues/lease.test.ts";
const sendTest = "test/queues/send.test.ts";

export const settling: Chapter = {
  title: "Settling queue messages",
  promises: [
    {
      promise: "a settlement resolves when the server has processed it, and rejects with the server's own refusal",
      id: "settlement-processed",
      mutation: "drop",
      test: settleTest,
      name: "a range that fails in the middle: those before are settled, those behind asked for again",
    },
    {
      promise: "settlements of one tick share one request and one fence",
      id: "settlements-share-request",
      mutation: "never",
      test: settleTest,
      name: "one AckRange for all acks of a tick, in their order",
    },
    {
      promise: "what the server has not looked at behind a refusal is asked for again",
      id: "settlements-behind-refusal",
      mutation: "drop",
      test: settleTest,
      name: "a range that fails in the middle: those before are settled, those behind asked for again",
    },
    {
      promise: "settling twice rejects with `ALREADY_SETTLED`",
      id: "settled-twice",
      mutation: "drop",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise:
        "settling after the connection was lost rejects with `LEASE_LOST`: the server delivers the message again",
      id: "settled-after-loss",
      mutation: "drop",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise: "a settlement whose answer a lost connection has swallowed says that its outcome is unknown",
      id: "settlement-outcome-unknown",
      mutation: "drop",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise: "a settlement that the server never confirms rejects with `TIMEOUT`",
      id: "settlement-timeout",
      mutation: "drop",
      test: settleTest,
      name: "no confirmation from a server that gives them is a time-out",
    },
    {
      promise: "a server that confirms in no way is learned once; then written is done",
      id: "settlements-unconfirmed",
      mutation: "drop",
      test: settleTest,
      name: "a server that confirms in no way: learned once, then written is done, and a later error is told by the status",
    },
    {
      promise: "a server that was only slow to confirm is believed again; what counted as done then counts once",
      id: "settlements-believed-again",
      mutation: "drop",
      test: settleTest,
      name: "a server that confirms late is believed again, and a break still waits for settlements that were asked for",
    },
    {
      promise: "a batch tells what the server still holds open of it",
      id: "batch-open-sequences",
      mutation: "always",
      test: consumeTest,
      name: "consumeBatches: a poll at a time, settled together or by sequence",
    },
  ],
};

export const consuming: Chapter = {
  title: "Consuming queues",
  promises: [
    {
      promise: "no more than `prefetch` messages are held unsettled",
      id: "prefetch-bound",
      mutation: "drop",
      test: consumeTest,
      name: "prefetch bounds what is held; a slow message does not hold up the others",
    },
    {
      promise: "a lone message is not held up by a poll for more",
      id: "lone-message-polled",
      mutation: "never",
      test: consumeTest,
      name: "a lone message is not held up, whatever the prefetch",
    },
    {
      promise:
        "a way to the server that becomes long does not leave a consumer at one message a turn while more pile up",
      id: "pile-noticed",
      mutation: "never",
      test: "test/queues/poll-size.test.ts",
      name: "a way to the server that has become long does not leave the polls at one while messages pile up",
    },
    {
      promise: "no settlement waits behind a poll",
      id: "no-settlement-behind-poll",
      mutation: { without: 1 },
      test: consumeTest,
      name: "a settlement does not wait behind the poll for more",
    },
    {
      promise:
        "a poll that came back empty is closed, since it may have left a transaction open that swallows messages",
      id: "empty-poll-closed",
      mutation: "drop",
      test: settleTest,
      name: "an empty poll is closed, since it may have left a transaction open",
    },
    {
      promise: "a message that a server shows twice in one answer is delivered once",
      id: "repeats-dropped",
      mutation: { argument: 0 },
      test: consumeTest,
      name: "a message shown twice in one poll is delivered once",
    },
    {
      promise: "what was prefetched goes back to the queue at once when the loop is left",
      id: "leave-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "gives back at once what is unsettled, with its place and its count",
    },
    {
      promise: "after an abort what was prefetched goes back, while the body's message can be settled",
      id: "abort-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "what was prefetched goes back at once, while the body goes on",
    },
    {
      promise: "so does what arrives in the moment of the abort",
      id: "abort-returns-batch",
      mutation: "drop",
      test: settleTest,
      name: "an abort at any moment while messages arrive ends the stream at once",
    },
    {
      promise: "`break` waits for settlements that were asked for before it",
      id: "break-awaits-settlements",
      mutation: { replace: ["? !", "? "] },
      test: leavingTest,
      name: "break waits for acks that were not awaited",
    },
    {
      promise: "the body that runs at an abort can still settle its message",
      id: "break-awaits-settlements",
      mutation: "always",
      test: leavingTest,
      name: "in the body: the body's message is acknowledged after it",
    },
    {
      promise: "so can a body that runs for long after the abort, for five seconds more when it is over",
      id: "late-body-settles",
      mutation: "always",
      test: settleTest,
      name: "a body that outlasts an abort by far is acknowledged all the same when the loop asks on",
    },
    {
      promise: "what nobody settles goes back in the end, whatever the body does",
      id: "unsettled-returned-in-the-end",
      mutation: "drop",
      test: leavingTest,
      name: "what nobody settles is given back in the end",
    },
    {
      promise: '`settle: "on-next"`: asking for the next message acknowledges the one before',
      id: "on-next-acks",
      mutation: "drop",
      test: consumeTest,
      name: "on-next: asking for the next acknowledges, break and throw reject",
    },
    {
      promise: '`settle: "on-next"`: leaving the loop in its body rejects',
      id: "on-next-leaving-rejects",
      mutation: "drop",
      test: consumeTest,
      name: "on-next: asking for the next acknowledges, break and throw reject",
    },
    {
      promise:
        "messages that the server has acknowledged itself (`on-delivery`) are not thrown away with a lost connection",
      id: "on-delivery-kept",
      mutation: "always",
      test: consumeTest,
      name: "on-delivery: what was received before the connection is lost is delivered",
    },
    {
      promise: "an abort does not cut a `receive`, which would lose what the server has taken by then",
      id: "receive-not-cut",
      mutation: { without: 0 },
      test: "test/queues/receive.test.ts",
      name: "an abort of receive waits for the answer, for what was taken would be lost",
    },
    {
      promise: "a `receive` may take longer than the client's time-out for calls, as long as it is told to wait",
      id: "receive-own-timeout",
      mutation: "drop",
      test: "test/queues/receive.test.ts",
      name: "the client's time-out for calls does not cut a receive that waits for longer",
    },
  ],
};

export const leasing: Chapter = {
  title: "Leases",
  promises: [
    {
      promise: "`autoExtend` keeps the lease while the body runs",
      id: "auto-extend",
      mutation: "never",
      test: leaseTest,
      name: "by the clock that never jumps: extended at half, and given up when the server keeps silent",
    },
    {
      promise: "`message.signal` aborts when the lease is lost",
      id: "lease-signal",
      mutation: "drop",
      test: leaseTest,
      name: "a lease that runs out: the signal aborts, settling is LEASE_LOST, the message comes again",
    },
    {
      promise: "a lease ends by a clock that never jumps, also when the server says nothing",
      id: "lease-clock",
      mutation: "empty",
      test: leaseTest,
      name: "by the clock that never jumps: extended at half, and given up when the server keeps silent",
    },
    {
      promise: "a stream that ends right after an ack, without its answer, leaves the outcome unknown, and says so",
      id: "lease-outcome-unknown",
      mutation: "always",
      test: leaseTest,
      name: "a stream that ends right after the ack, without its answer: the outcome is unknown, and says so",
    },
    {
      promise: "a message whose settlement was refused can be settled otherwise",
      id: "lease-refusal-keeps",
      mutation: "drop",
      test: leaseTest,
      name: "a refusal leaves the message open",
    },
    {
      promise: "and `autoExtend` goes on with it",
      id: "lease-refusal-extends",
      mutation: "drop",
      test: leaseTest,
      name: "a message whose settlement was refused is extended on",
    },
    {
      promise: "a wait that brings nothing is begun anew",
      id: "empty-wait-repeated",
      mutation: "drop",
      test: leaseTest,
      name: "a wait that brings nothing is begun anew",
    },
  ],
};

export const sending: Chapter = {
  title: "Sending to queues",
  promises: [
    {
      promise: "an ordered publisher has one request on its way: the order of the sends is the order in the queue",
      id: "ordered-one-in-flight",
      mutation: "never",
      test: sendTest,
      name: "ordered, nothing is sent while a request is unanswered",
    },
    {
      promise: "each send gets its own results, by the id of its request",
      id: "result-by-request",
      mutation: { argument: 0 },
      test: sendTest,
      name: "replies that are reordered, doubled, late or missing",
    },
    {
      promise: "a send whose answer does not come in time rejects with `TIMEOUT`",
      id: "send-timeout",
      mutation: "drop",
      test: sendTest,
      name: "replies that are reordered, doubled, late or missing",
    },
    {
      promise: "a lost connection rejects what is unanswered: no send is repeated in silence",
      id: "lost-connection-rejects-sends",
      mutation: "drop",
      test: sendTest,
      name: "a lost connection rejects what is unanswered; the next send opens a new stream",
    },
    {
      promise: "`close()` of a publisher waits until every accepted message has its answer",
      id: "publisher-close-flushes",
      mutation: "drop",
      test: sendTest,
      name: "close flushes, drains and leaves no stream; then it refuses",
    },
    {
      promise: "a publisher does not vouch for a connection that is lost: the client's `state` tells",
      id: "sender-not-in-state",
      mutation: { replace: ["false", "true"] },
      test: sendTest,
      name: "the client's state does not hang on a publisher: not before it sends, nor when the connection is lost",
    },
    {
      promise: "an upstream is not cancelled while the server owes answers, which can crash a server",
      id: "upstream-drained",
      mutation: "never",
      test: sendTest,
      name: "an abort rejects at once, but the stream stays until the server has answered what it owes",
    },
    {
      promise: "nor by a `close()` that comes after an abort",
      id: "upstream-drained-once",
      mutation: "drop",
      test: sendTest,
      name: "close after an abort waits as well until the server has answered what it owes",
    },
    {
      promise: "an answer that comes too late is owed no more",
      id: "late-answer-owed-no-more",
      mutation: "drop",
      test: sendTest,
      name: "an answer that came after its time-out is owed no more: close does not wait for it",
    },
    {
      promise: "a request that nobody awaits any more does not hold back the next one",
      id: "abandoned-request",
      mutation: "drop",
      test: "test/queues/plain-send.test.ts",
      name: "a request that nobody awaits any more does not hold back the next one",
    },
    {
      promise:
        "a request whose answer the server has lost holds back the next one for a second, not until its time-out",
      id: "silent-request",
      mutation: "drop",
      test: "test/queues/plain-send.test.ts",
      name: "a request without an answer holds back the next one for a second at most",
    },
  ],
};
