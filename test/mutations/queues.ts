import type { Chapter } from "./promise.js";

const settleTest = "test/queues/settle.test.ts";
const leavingTest = "test/queues/leaving.test.ts";
const consumeTest = "test/queues/consume.test.ts";
const takingTest = "test/queues/taking.test.ts";
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
      name: "a range that fails in the middle settles the messages before, and those after are requested again",
    },
    {
      promise: "settlements of one tick share one request and one fence",
      id: "settlements-share-request",
      mutation: "never",
      test: settleTest,
      name: "all acks of a tick share one AckRange, in their order",
    },
    {
      promise: "what the server has not looked at behind a refusal is asked for again",
      id: "settlements-behind-refusal",
      mutation: "drop",
      test: settleTest,
      name: "a range that fails in the middle settles the messages before, and those after are requested again",
    },
    {
      promise: "settling twice rejects with `ALREADY_SETTLED`",
      id: "settled-twice",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise:
        "settling after the connection was lost rejects with `LEASE_LOST`: the server delivers the message again",
      id: "settled-after-loss",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise: "a settlement whose answer a lost connection has swallowed says that its outcome is unknown",
      id: "settlement-outcome-unknown",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise: "a settlement that the server never confirms rejects with `TIMEOUT`",
      id: "settlement-timeout",
      mutation: "drop",
      test: settleTest,
      name: "a missing confirmation from a confirming server rejects with TIMEOUT",
    },
    {
      promise: "a server that confirms in no way is learned once; then written is done",
      id: "settlements-unconfirmed",
      mutation: "drop",
      test: settleTest,
      name: "without confirmations from the server a written settlement counts as done, and the status reports a later error",
    },
    {
      promise: "a server that was only slow to confirm is believed again; what counted as done then counts once",
      id: "settlements-believed-again",
      mutation: "drop",
      test: settleTest,
      name: "a late confirmation enables confirmations again, and break waits for pending settlements",
    },
    {
      promise: "a batch tells what the server still holds open of it",
      id: "batch-open-sequences",
      mutation: "always",
      test: consumeTest,
      name: "consumeBatches yields one poll at a time, settled together or by sequence",
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
      name: "prefetch bounds the held messages, and a slow message does not block the others",
    },
    {
      promise: "a lone message is not held up by a poll for more",
      id: "lone-message-polled",
      mutation: "always",
      test: consumeTest,
      name: "a single message is delivered without delay, whatever the prefetch",
    },
    {
      promise:
        "a way to the server that becomes long does not leave a consumer at one message a turn while more pile up",
      id: "pile-noticed",
      mutation: "never",
      test: "test/queues/backlog.test.ts",
      name: "a slow connection does not keep polls at one while messages accumulate",
    },
    {
      promise: "no settlement waits behind a poll",
      id: "no-settlement-behind-poll",
      mutation: { without: 1 },
      test: takingTest,
      name: "beside another consumer held messages stay held, and the next poll uses its own stream",
    },
    {
      promise:
        "a consumer that is alone has one transaction at a time, which keeps the order on servers that lose it between several",
      id: "one-transaction",
      mutation: "never",
      test: takingTest,
      name: "a slow message holds up no others, and all are delivered in order on one stream",
    },
    {
      promise: "a consumer that receives nothing while messages wait tells by `status()` what to do",
      id: "stall-reported",
      mutation: "drop",
      test: takingTest,
      name: "is reported once by the status with advice",
    },
    {
      promise:
        "a poll that came back empty is closed, since it may have left a transaction open that swallows messages",
      id: "empty-poll-closed",
      mutation: "drop",
      test: settleTest,
      name: "the transaction of an empty poll is closed",
    },
    {
      promise: "a message that a server shows twice in one answer is delivered once",
      id: "repeats-dropped",
      mutation: { argument: 0 },
      test: consumeTest,
      name: "a message that one poll returns twice is delivered once",
    },
    {
      promise: "what was prefetched goes back to the queue at once when the loop is left",
      id: "leave-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "returns unsettled messages at once, with their place and their count",
    },
    {
      promise: "after an abort what was prefetched goes back, while the body's message can be settled",
      id: "abort-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "prefetched messages return once the messages handed out with them are settled",
    },
    {
      promise: "so does what arrives in the moment of the abort",
      id: "abort-returns-batch",
      mutation: "drop",
      test: settleTest,
      name: "an abort at any time while messages arrive ends the stream at once",
    },
    {
      promise: "`break` waits for settlements that were asked for before it",
      id: "break-awaits-settlements",
      mutation: { replace: ["? !", "? "] },
      test: leavingTest,
      name: "break waits for acks that the body did not await",
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
      name: "on-next acknowledges a message whose body outlasts an abort",
    },
    {
      promise: "what nobody settles goes back in the end, whatever the body does",
      id: "unsettled-returned-in-the-end",
      mutation: "drop",
      test: leavingTest,
      name: "messages that were never settled return to the queue",
    },
    {
      promise: '`settle: "on-next"`: asking for the next message acknowledges the one before',
      id: "on-next-acks",
      mutation: "drop",
      test: consumeTest,
      name: "on-next acknowledges at the next message, and rejects at break and throw",
    },
    {
      promise: '`settle: "on-next"`: leaving the loop in its body rejects',
      id: "on-next-leaving-rejects",
      mutation: "drop",
      test: consumeTest,
      name: "on-next acknowledges at the next message, and rejects at break and throw",
    },
    {
      promise:
        "messages that the server has acknowledged itself (`on-delivery`) are not thrown away with a lost connection",
      id: "on-delivery-kept",
      mutation: "always",
      test: consumeTest,
      name: "on-delivery delivers every message received before the connection was lost",
    },
    {
      promise:
        "a loop with `on-delivery` that is aborted or closed still receives what the server has acknowledged for it",
      id: "on-delivery-drained",
      mutation: "never",
      test: takingTest,
      name: "messages of a pending poll are delivered before the loop ends",
    },
    {
      promise: "an abort does not cut a `receive`, which would lose what the server has taken by then",
      id: "receive-not-cut",
      mutation: { without: 0 },
      test: "test/queues/receive.test.ts",
      name: "an abort of receive waits for the answer, so that no message is lost",
    },
    {
      promise: "a `receive` may take longer than the client's time-out for calls, as long as it is told to wait",
      id: "receive-own-timeout",
      mutation: "drop",
      test: "test/queues/receive.test.ts",
      name: "a receive may wait longer than the client's time-out for calls",
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
      name: "a lease uses the monotonic clock: it is extended at half its time, and lost when the server stays silent",
    },
    {
      promise: "`message.signal` aborts when the lease is lost",
      id: "lease-signal",
      mutation: "drop",
      test: leaseTest,
      name: "an expired lease aborts its signal, settling rejects with LEASE_LOST, and the message is delivered again",
    },
    {
      promise: "a lease ends by a clock that never jumps, also when the server says nothing",
      id: "lease-clock",
      mutation: "empty",
      test: leaseTest,
      name: "a lease uses the monotonic clock: it is extended at half its time, and lost when the server stays silent",
    },
    {
      promise: "an ack whose answer the server loses, as it ends the stream, is done when the server is alive",
      id: "lease-answer-lost",
      mutation: "drop",
      test: leaseTest,
      name: "an ack whose answer the server loses resolves when the server answers a ping",
    },
    {
      promise: "when the server does not show that it is alive, the outcome is unknown, and the error says so",
      id: "lease-outcome-unknown",
      mutation: "always",
      test: leaseTest,
      name: "an ack whose answer is lost together with the server rejects with an unknown outcome",
    },
    {
      promise: "a message whose settlement was refused can be settled otherwise",
      id: "lease-refusal-keeps",
      mutation: "drop",
      test: leaseTest,
      name: "a refused settlement leaves the message unsettled",
    },
    {
      promise: "and `autoExtend` goes on with it",
      id: "lease-refusal-extends",
      mutation: "drop",
      test: leaseTest,
      name: "a lease is still extended after a refused settlement",
    },
    {
      promise: "a wait without a message is repeated",
      id: "empty-wait-repeated",
      mutation: "drop",
      test: leaseTest,
      name: "a wait without a message is repeated",
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
      name: "an ordered queue publisher has one unanswered request at a time",
    },
    {
      promise: "each send gets its own results, by the id of its request",
      id: "result-by-request",
      mutation: { argument: 0 },
      test: sendTest,
      name: "a queue publisher handles answers that are reordered, duplicated, late or missing",
    },
    {
      promise: "a send whose answer does not come in time rejects with `TIMEOUT`",
      id: "send-timeout",
      mutation: "drop",
      test: sendTest,
      name: "a queue publisher handles answers that are reordered, duplicated, late or missing",
    },
    {
      promise: "a lost connection rejects what is unanswered: no send is repeated in silence",
      id: "lost-connection-rejects-sends",
      mutation: "drop",
      test: sendTest,
      name: "a lost connection rejects unanswered sends, and the next send opens a new stream",
    },
    {
      promise: "`close()` of a publisher waits until every accepted message has its answer",
      id: "publisher-close-flushes",
      mutation: "drop",
      test: sendTest,
      name: "close sends and awaits every message, leaves no stream, and refuses later sends",
    },
    {
      promise: "a publisher does not vouch for a connection that is lost: the client's `state` tells",
      id: "sender-not-in-state",
      mutation: { replace: ["false", "true"] },
      test: sendTest,
      name: "an idle or disconnected queue publisher does not affect the client's state",
    },
    {
      promise: "an upstream is not cancelled while the server owes answers, which can crash a server",
      id: "upstream-drained",
      mutation: "never",
      test: sendTest,
      name: "an abort rejects at once, and the stream stays open until the server has answered every request",
    },
    {
      promise: "nor by a `close()` that comes after an abort",
      id: "upstream-drained-once",
      mutation: "drop",
      test: sendTest,
      name: "close after an abort waits until the server has answered every request",
    },
    {
      promise: "an answer that comes too late is owed no more",
      id: "late-answer-owed-no-more",
      mutation: "drop",
      test: sendTest,
      name: "close does not wait for an answer that arrived after its time-out",
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
