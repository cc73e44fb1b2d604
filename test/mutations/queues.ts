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
      promise: "A settlement resolves after the server has processed it, and rejects with the server's own refusal.",
      id: "settlement-processed",
      mutation: "drop",
      test: settleTest,
      name: "a range that fails in the middle settles the messages before, and those after are requested again",
    },
    {
      promise: "Settlements of one tick share one request and one confirmation.",
      id: "settlements-share-request",
      mutation: "never",
      test: settleTest,
      name: "all acks of a tick share one AckRange, in their order",
    },
    {
      promise: "Settlements that the server skipped after a refusal are requested again.",
      id: "settlements-behind-refusal",
      mutation: "drop",
      test: settleTest,
      name: "a range that fails in the middle settles the messages before, and those after are requested again",
    },
    {
      promise: "A second settlement of a message rejects with `ALREADY_SETTLED`.",
      id: "settled-twice",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise:
        "Settling after the connection was lost rejects with `LEASE_LOST`, because the server delivers the message again.",
      id: "settled-after-loss",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise: "The error of a settlement whose answer was lost says that its outcome is unknown.",
      id: "settlement-outcome-unknown",
      mutation: "drop",
      test: settleTest,
      name: "every impossible settlement rejects with its own code",
    },
    {
      promise: "A settlement that the server never confirms rejects with `TIMEOUT`.",
      id: "settlement-timeout",
      mutation: "drop",
      test: settleTest,
      name: "a missing confirmation from a confirming server rejects with TIMEOUT",
    },
    {
      promise: "When a server sends no confirmations at all, a settlement resolves once it is written.",
      id: "settlements-unconfirmed",
      mutation: "drop",
      test: settleTest,
      name: "without confirmations from the server a written settlement counts as done, and the status reports a later error",
    },
    {
      promise: "When a server confirms late, confirmations are awaited again, and no settlement is counted twice.",
      id: "settlements-believed-again",
      mutation: "drop",
      test: settleTest,
      name: "a late confirmation enables confirmations again, and break waits for pending settlements",
    },
    {
      promise: "A batch reports which of its messages are unsettled at the server.",
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
      promise: "At most `prefetch` messages are unsettled at a time.",
      id: "prefetch-bound",
      mutation: "drop",
      test: consumeTest,
      name: "prefetch bounds the held messages, and a slow message does not block the others",
    },
    {
      promise: "A single message is delivered without waiting for more.",
      id: "lone-message-polled",
      mutation: "always",
      test: consumeTest,
      name: "a single message is delivered without delay, whatever the prefetch",
    },
    {
      promise: "A slow connection does not keep a consumer at one message per poll while messages accumulate.",
      id: "pile-noticed",
      mutation: "never",
      test: "test/queues/backlog.test.ts",
      name: "a slow connection does not keep polls at one while messages accumulate",
    },
    {
      promise: "A settlement does not wait for a pending poll.",
      id: "no-settlement-behind-poll",
      mutation: { without: 1 },
      test: takingTest,
      name: "with another consumer held messages stay held, and the next poll uses its own stream",
    },
    {
      promise:
        "A single consumer has one transaction at a time, which keeps the order on servers that lose it between several.",
      id: "one-transaction",
      mutation: "never",
      test: takingTest,
      name: "a slow message does not delay others, and all are delivered in order on one stream",
    },
    {
      promise: "A server that needs long for its counts is soon asked again after a burst.",
      id: "count-after-burst",
      mutation: { replace: ["0.5", "PAUSE_PER_COST"] },
      test: "test/queues/backlog.test.ts",
      name: "after a burst the count is requested soon from a slow server, and then less often while it is small",
    },
    {
      promise: "Messages whose transaction has ended do not reduce the number of messages that are known to wait.",
      id: "ended-not-counted",
      mutation: { replace: ["messages.length : 0", "messages.length : messages.length"] },
      test: takingTest,
      name: "messages whose transaction has ended do not reduce the count of those that wait",
    },
    {
      promise: "A burst is noticed by the times at which its messages were stored, however slow the server is.",
      id: "burst-noticed-when-busy",
      mutation: { without: 1 },
      test: "test/queues/backlog.test.ts",
      name: "a burst is detected by the times of its messages while the server is slow",
    },
    {
      promise:
        "The first message of a burst is polled and counted at the same time, and the rest comes by the next poll.",
      id: "burst-counted-beside",
      mutation: "drop",
      test: takingTest,
      name: "the first message of a burst is polled and counted at the same time",
    },
    {
      promise:
        "A poll does not ask for messages that were received while they were counted, because it would wait for them.",
      id: "count-beside-poll",
      mutation: { replace: ["+ backlog.received - received", ""] },
      test: takingTest,
      name: "the first message of a burst is polled and counted at the same time",
    },
    {
      promise:
        "No second poll is sent beside one that a slow server has not answered, because two would cost the order.",
      id: "slow-server-awaited",
      mutation: "drop",
      test: takingTest,
      name: "a poll that gets no answer is not followed by a second one while the server is slow with counts too",
    },
    {
      promise:
        "A consumer stays away for a moment from a queue whose messages the server passes between consumers, so that another one receives them.",
      id: "contended-queue-left",
      mutation: "drop",
      test: takingTest,
      name: "a consumer pauses after a poll that receives nothing although messages wait beside other consumers",
    },
    {
      promise: "Of two consumers on one queue, neither stays away for longer than 170 ms.",
      id: "pair-waits-briefly",
      mutation: "always",
      test: takingTest,
      name: "the pause beside one other consumer depends on chance",
    },
    {
      promise: "No poll begins before the transactions of other streams have ended.",
      id: "calls-end-in-turn",
      mutation: "drop",
      test: takingTest,
      name: "no poll begins before the transactions of other streams have ended",
    },
    {
      promise: "A quick loop with a prefetch of 1 settles its messages together.",
      id: "spares-settled-together",
      mutation: "delay",
      test: takingTest,
      name: "settlements that are requested in one tick share a request, although the prefetch is 1",
    },
    {
      promise: "A loop that settles its messages within a millisecond receives up to 32 of them by one poll.",
      id: "more-spares-when-instant",
      mutation: "always",
      test: takingTest,
      name: "a loop that settles its messages within a millisecond receives up to 32 of them by one poll",
    },
    {
      promise: "A quick loop receives up to eight messages by one poll, and has no more than its prefetch in hand.",
      id: "spares-within-prefetch",
      mutation: { argument: 0 },
      test: takingTest,
      name: "a poll takes eight messages, which are delivered one at a time",
    },
    {
      promise: "A loop that takes time for its messages keeps no more of them from other consumers than its prefetch.",
      id: "spares-only-when-quick",
      mutation: "never",
      test: takingTest,
      name: "one message comes by a poll while the loop",
    },
    {
      promise: "Messages that a loop has no time for return to the queue after a tenth of a second, in their order.",
      id: "spares-returned",
      mutation: "drop",
      test: takingTest,
      name: "messages that a busy loop does not request return to the queue after 100 ms, in their order",
    },
    {
      promise: "Messages with a body above 16 KiB are taken one by one, for the sake of memory.",
      id: "no-large-spares",
      mutation: "drop",
      test: takingTest,
      name: "messages are polled one at a time again after a large one",
    },
    {
      promise: "A consumer that receives nothing while messages wait reports through `status()` what to do.",
      id: "stall-reported",
      mutation: "drop",
      test: takingTest,
      name: "a stalled queue is reported once by the status with advice",
    },
    {
      promise:
        "A `break` ends a loop when its messages are back in their places, for a consumer that begins afterwards.",
      id: "break-awaits-return",
      mutation: "always",
      test: takingTest,
      name: "a break ends the loop when its messages are back, or the server",
    },
    {
      promise:
        "A slow server does not turn the order around: messages wait for those of an earlier poll, up to a second.",
      id: "late-poll-first",
      mutation: "always",
      test: takingTest,
      name: "messages beyond those of a late poll wait until it",
    },
    {
      promise: "A burst is counted at its second message, and received by large polls.",
      id: "burst-noticed",
      mutation: "drop",
      test: "test/queues/backlog.test.ts",
      name: "a burst is detected at its second message, however often the count was skipped before",
    },
    {
      promise: "The transaction of an empty poll is closed, because it would take further messages.",
      id: "empty-poll-closed",
      mutation: "drop",
      test: settleTest,
      name: "the transaction of an empty poll is closed",
    },
    {
      promise: "A message that one answer contains twice is delivered once.",
      id: "repeats-dropped",
      mutation: { argument: 0 },
      test: consumeTest,
      name: "a message that one poll returns twice is delivered once",
    },
    {
      promise: "Leaving a loop returns prefetched messages to the queue at once.",
      id: "leave-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "returns unsettled messages at once, with their place and their count",
    },
    {
      promise: "After an abort prefetched messages return to the queue, and the current message can still be settled.",
      id: "abort-returns-prefetched",
      mutation: "drop",
      test: leavingTest,
      name: "in the body: the body's message is acknowledged after it",
    },
    {
      promise: "Messages that arrive during an abort return to the queue.",
      id: "abort-returns-batch",
      mutation: "drop",
      test: settleTest,
      name: "an abort at any time while messages arrive ends the stream at once",
    },
    {
      promise: "`break` waits for settlements that were started before it.",
      id: "break-awaits-settlements",
      mutation: { replace: ["? !", "? "] },
      test: leavingTest,
      name: "break waits for acks that the body did not await",
    },
    {
      promise: "A loop body that runs at an abort can still settle its message.",
      id: "break-awaits-settlements",
      mutation: "always",
      test: leavingTest,
      name: "in the body: the body's message is acknowledged after it",
    },
    {
      promise: "A loop body may settle its message after an abort until 5 seconds after it has ended.",
      id: "late-body-settles",
      mutation: "always",
      test: settleTest,
      name: "on-next acknowledges a message whose body outlasts an abort",
    },
    {
      promise: "Messages that are never settled return to the queue, whatever the loop body does.",
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
      promise: "Messages acknowledged on delivery are delivered even after their connection was lost.",
      id: "on-delivery-kept",
      mutation: "always",
      test: consumeTest,
      name: "on-delivery delivers every message received before the connection was lost",
    },
    {
      promise:
        "An aborted or closed loop with `on-delivery` still receives the messages that the server has acknowledged.",
      id: "on-delivery-drained",
      mutation: "never",
      test: takingTest,
      name: "messages of a pending receive are delivered before the loop ends",
    },
    {
      promise: "An abort does not cancel a `receive`, because the messages that the server has taken would be lost.",
      id: "receive-not-cut",
      mutation: { without: 0 },
      test: "test/queues/receive.test.ts",
      name: "an abort of receive waits for the answer, so that no message is lost",
    },
    {
      promise: "A `receive` may last longer than the client's time-out for calls, up to its own wait time.",
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
      promise: "`autoExtend` extends the lease while the loop body runs.",
      id: "auto-extend",
      mutation: "never",
      test: leaseTest,
      name: "a lease uses the monotonic clock: it is extended at half its time, and lost when the server stays silent",
    },
    {
      promise: "`message.signal` aborts when the lease is lost.",
      id: "lease-signal",
      mutation: "drop",
      test: leaseTest,
      name: "an expired lease aborts its signal, settling rejects with LEASE_LOST, and the message is delivered again",
    },
    {
      promise: "A lease ends by the monotonic clock, even if the server sends nothing.",
      id: "lease-clock",
      mutation: "empty",
      test: leaseTest,
      name: "a lease uses the monotonic clock: it is extended at half its time, and lost when the server stays silent",
    },
    {
      promise: "An ack whose stream ends without an answer resolves when the server proves to be alive.",
      id: "lease-answer-lost",
      mutation: "drop",
      test: leaseTest,
      name: "an ack whose answer the server loses resolves when the server answers a ping",
    },
    {
      promise:
        "An ack whose stream ends without an answer rejects with an unknown outcome when the server does not prove to be alive.",
      id: "lease-outcome-unknown",
      mutation: "always",
      test: leaseTest,
      name: "an ack whose answer is lost together with the server rejects with an unknown outcome",
    },
    {
      promise: "A message whose settlement was refused can be settled in another way.",
      id: "lease-refusal-keeps",
      mutation: "drop",
      test: leaseTest,
      name: "a refused settlement leaves the message unsettled",
    },
    {
      promise: "`autoExtend` continues after a refused settlement.",
      id: "lease-refusal-extends",
      mutation: "drop",
      test: leaseTest,
      name: "a lease is still extended after a refused settlement",
    },
    {
      promise: "A wait that ended without a message is repeated.",
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
      promise: "The last answer that a stream of sends expects settles its promise without waiting for others.",
      id: "last-answer-at-once",
      mutation: "never",
      test: "test/stream/plain-sends.test.ts",
      name: "answers are delivered with the last expected one, before the end of the turn",
    },
    {
      promise:
        "An ordered queue publisher has one unanswered request at a time, so that the queue has the order of the sends.",
      id: "ordered-one-in-flight",
      mutation: "never",
      test: sendTest,
      name: "an ordered queue publisher has one unanswered request at a time",
    },
    {
      promise: "Each send is matched with its own results by the id of its request.",
      id: "result-by-request",
      mutation: { argument: 0 },
      test: sendTest,
      name: "a queue publisher handles answers that are reordered, duplicated, late or missing",
    },
    {
      promise: "A send without an answer in time rejects with `TIMEOUT`.",
      id: "send-timeout",
      mutation: "drop",
      test: sendTest,
      name: "a queue publisher handles answers that are reordered, duplicated, late or missing",
    },
    {
      promise: "A lost connection rejects unanswered sends; none is repeated silently.",
      id: "lost-connection-rejects-sends",
      mutation: "drop",
      test: sendTest,
      name: "a lost connection rejects unanswered sends, and the next send opens a new stream",
    },
    {
      promise: "`close()` of a queue publisher waits for the answers of all accepted messages.",
      id: "publisher-close-flushes",
      mutation: "drop",
      test: sendTest,
      name: "close sends and awaits every message, leaves no stream, and refuses later sends",
    },
    {
      promise: "An open queue publisher does not keep `state` at `ready` after its connection was lost.",
      id: "sender-not-in-state",
      mutation: { replace: ["false", "true"] },
      test: sendTest,
      name: "an idle or disconnected queue publisher does not affect the client's state",
    },
    {
      promise: "A stream of sends is not cancelled while answers are pending, because that can crash a server.",
      id: "upstream-drained",
      mutation: "never",
      test: sendTest,
      name: "an abort rejects at once, and the stream stays open until the server has answered every request",
    },
    {
      promise: "A `close()` after an abort does not cancel a stream of sends with pending answers.",
      id: "upstream-drained-once",
      mutation: "drop",
      test: sendTest,
      name: "close after an abort waits until the server has answered every request",
    },
    {
      promise: "An answer that arrives after its time-out counts as received.",
      id: "late-answer-owed-no-more",
      mutation: "drop",
      test: sendTest,
      name: "close does not wait for an answer that arrived after its time-out",
    },
    {
      promise: "A request that timed out does not hold back the next one.",
      id: "abandoned-request",
      mutation: "drop",
      test: "test/queues/plain-send.test.ts",
      name: "a request that timed out does not hold back the next one",
    },
    {
      promise:
        "A request whose answer the server has lost holds back the next one for one second, not until its time-out.",
      id: "silent-request",
      mutation: "drop",
      test: "test/queues/plain-send.test.ts",
      name: "an unanswered request holds back the next one for at most one second",
    },
  ],
};
