import type { Chapter } from "./promise.js";

const lane = "src/internal/lane.ts";
const downstream = "src/internal/downstream.ts";
const lease = "src/internal/lease.ts";
const upstream = "src/internal/upstream.ts";
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
      file: lane,
      find: 'this.#pending.set(id, { type: "range", range, at, done: false });',
      replace: "this.#confirm(range);",
      test: settleTest,
      name: "a range that fails in the middle: those before are settled, those behind asked for again",
    },
    {
      promise: "settlements of one tick share one request and one fence",
      file: lane,
      find: "due.holds.push(hold);",
      replace: "this.#due.push({ kind, transaction, channel, holds: [hold] });",
      test: settleTest,
      name: "one AckRange for all acks of a tick, in their order",
    },
    {
      promise: "what the server has not looked at behind a refusal is asked for again",
      file: lane,
      find: "for (const hold of behind) this.#enqueue(hold, kind, channel);",
      replace: "",
      test: settleTest,
      name: "a range that fails in the middle: those before are settled, those behind asked for again",
    },
    {
      promise: "settling twice rejects with `ALREADY_SETTLED`",
      file: lane,
      find: `if (hold.state !== "open") return Promise.reject(alreadySettled(this.subject, hold.sequence));`,
      replace: "",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise:
        "settling after the connection was lost rejects with `LEASE_LOST`: the server delivers the message again",
      file: lane,
      find: "return Promise.reject(leaseLost(this.subject, hold.sequence, this.#ended));",
      replace: "return Promise.resolve();",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise: "a settlement whose answer a lost connection has swallowed says that its outcome is unknown",
      file: lane,
      find: "outcomeUnknown(this.subject, hold.sequence, why, error)",
      replace: "leaseLost(this.subject, hold.sequence, error)",
      test: settleTest,
      name: "the code of every settlement that cannot be",
    },
    {
      promise: "a settlement that the server never confirms rejects with `TIMEOUT`",
      file: lane,
      find: "this.#timeOut();",
      replace: "",
      test: settleTest,
      name: "no confirmation from a server that gives them is a time-out",
    },
    {
      promise: "a server that confirms in no way is learned once; then written is done",
      file: lane,
      find: `confirming.by = "none";`,
      replace: "",
      test: settleTest,
      name: "a server that confirms in no way: learned once, then written is done, and a later error is told by the status",
    },
    {
      promise: "a batch tells what the server still holds open of it",
      file: lane,
      find: "pending.answered?.(response.IsError ? [] : response.ActiveOffsets);",
      replace: "pending.answered?.([]);",
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
      file: downstream,
      find: "this.#held += messages.length;",
      replace: "",
      test: consumeTest,
      name: "prefetch bounds what is held; a slow message does not hold up the others",
    },
    {
      promise: "a lone message is not held up by a poll for more",
      file: "src/internal/poll-size.ts",
      find: "if (known < 2) return 1;",
      replace: "if (known < 2) return room;",
      test: consumeTest,
      name: "a lone message is not held up, whatever the prefetch",
    },
    {
      promise:
        "a way to the server that becomes long does not leave a consumer at one message a turn while more pile up",
      file: "src/internal/poll-size.ts",
      find: "return asked === 1 && this.#mayPileUp();",
      replace: "return false;",
      test: "test/queues/poll-size.test.ts",
      name: "a way to the server that has become long does not leave the polls at one while messages pile up",
    },
    {
      promise: "no settlement waits behind a poll",
      file: lane,
      find: "return this.#poll === undefined && this.#unsettled === 0 && ",
      replace: "return this.#poll === undefined && ",
      test: consumeTest,
      name: "a settlement does not wait behind the poll for more",
    },
    {
      promise:
        "a poll that came back empty is closed, since it may have left a transaction open that swallows messages",
      file: lane,
      find: "if (messages.length === 0) this.#write(closeRequest(this.#nextId(), this.#clientId, transaction));",
      replace: "",
      test: settleTest,
      name: "an empty poll is closed, since it may have left a transaction open",
    },
    {
      promise: "a message that a server shows twice in one answer is delivered once",
      file: lane,
      find: "const messages = withoutRepeats(response.Messages);",
      replace: "const messages = response.Messages;",
      test: consumeTest,
      name: "a message shown twice in one poll is delivered once",
    },
    {
      promise: "what was prefetched goes back to the queue at once when the loop is left",
      file: downstream,
      find: "for (const lane of this.#lanes) this.#part(lane);",
      replace: "",
      test: leavingTest,
      name: "gives back at once what is unsettled, with its place and its count",
    },
    {
      promise: "after an abort what was prefetched goes back, while the body's message can be settled",
      file: downstream,
      find: "if (item instanceof OpenDelivery) OpenDelivery.release(item);",
      replace: "if (item instanceof OpenDelivery) return;",
      test: leavingTest,
      name: "what was prefetched goes back at once, while the body goes on",
    },
    {
      promise: "so does what arrives in the moment of the abort",
      file: downstream,
      find: "for (const item of [...this.#given.slice(this.#taken), ...this.#ready.drain().flat()]) this.onRelease(item);",
      replace: "",
      test: settleTest,
      name: "an abort at any moment while messages arrive ends the stream at once",
    },
    {
      promise: "`break` waits for settlements that were asked for before it",
      file: downstream,
      find: `this.#left === "return" ? !lane.isSettling : lane.isQuiet`,
      replace: `this.#left === "return" || lane.isQuiet`,
      test: leavingTest,
      name: "break waits for acks that were not awaited",
    },
    {
      promise: "the body that runs at an abort can still settle its message",
      file: downstream,
      find: `this.#left === "return" ? !lane.isSettling : lane.isQuiet`,
      replace: "!lane.isSettling",
      test: leavingTest,
      name: "in the body: the body's message is acknowledged after it",
    },
    {
      promise: "what nobody settles goes back in the end, whatever the body does",
      file: "src/internal/farewell.ts",
      find: "this.#after(SETTLE_MS, () => this.#beLate());",
      replace: "",
      test: leavingTest,
      name: "what nobody settles is given back in the end",
    },
    {
      promise: '`settle: "on-next"`: asking for the next message acknowledges the one before',
      file: downstream,
      find: `if (this.#consuming.settle === "on-next") this.#settleAlone(item, "ack");`,
      replace: "",
      test: consumeTest,
      name: "on-next: asking for the next acknowledges, break and throw reject",
    },
    {
      promise: '`settle: "on-next"`: leaving the loop in its body rejects',
      file: downstream,
      find: `if (item instanceof OpenDelivery && this.#consuming.settle === "on-next") this.#settleAlone(item, "reject");`,
      replace: "",
      test: consumeTest,
      name: "on-next: asking for the next acknowledges, break and throw reject",
    },
    {
      promise:
        "messages that the server has acknowledged itself (`on-delivery`) are not thrown away with a lost connection",
      file: downstream,
      find: `return this.#consuming.settle !== "on-delivery";`,
      replace: "return true;",
      test: consumeTest,
      name: "on-delivery: what was received before the connection is lost is delivered",
    },
    {
      promise: "an abort does not cut a `receive`, which would lose what the server has taken by then",
      file: "src/internal/receive.ts",
      find: "...(takes || signal === undefined ? {} : { signal }),",
      replace: "...(signal === undefined ? {} : { signal }),",
      test: "test/queues/receive.test.ts",
      name: "an abort of receive waits for the answer, for what was taken would be lost",
    },
    {
      promise: "a `receive` may take longer than the client's time-out for calls, as long as it is told to wait",
      file: "src/internal/receive.ts",
      find: "timeoutMs: waitMs + MARGIN_MS,",
      replace: "",
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
      file: lease,
      find: "if (autoExtend) this.#extendSeconds = visibilitySeconds;",
      replace: "",
      test: leaseTest,
      name: "by the clock that never jumps: extended at half, and given up when the server keeps silent",
    },
    {
      promise: "`message.signal` aborts when the lease is lost",
      file: lease,
      find: "    this.#abort?.abort(this.#state.error);",
      replace: "",
      test: leaseTest,
      name: "a lease that runs out: the signal aborts, settling is LEASE_LOST, the message comes again",
    },
    {
      promise: "a lease ends by a clock that never jumps, also when the server says nothing",
      file: lease,
      find: `this.#lose(connectionLost(this.#owner.subject, "the visibility time is over"));`,
      replace: "",
      test: leaseTest,
      name: "by the clock that never jumps: extended at half, and given up when the server keeps silent",
    },
    {
      promise: "a stream that ends right after an ack, without its answer, leaves the outcome unknown, and says so",
      file: lease,
      find: `: outcomeUnknown(subject, state.sequence, "the stream ended without an answer", error),`,
      replace: ": leaseLost(subject, state.sequence, error),",
      test: leaseTest,
      name: "a stream that ends right after the ack, without its answer: the outcome is unknown, and says so",
    },
    {
      promise: "a message whose settlement was refused can be settled otherwise",
      file: lease,
      find: `if (this.#state.kind === "settling") this.#state = { kind: "held", sequence };`,
      replace: "",
      test: leaseTest,
      name: "a refusal leaves the message open",
    },
    {
      promise: "a wait that brings nothing is begun anew",
      file: lease,
      find: "this.#owner.empty(this);",
      replace: "",
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
      file: "src/queues.ts",
      find: "ordered ? 1 : checkInteger",
      replace: "ordered ? 16 : checkInteger",
      test: sendTest,
      name: "ordered, nothing is sent while a request is unanswered",
    },
    {
      promise: "each send gets its own results, by the id of its request",
      file: upstream,
      find: "const sent = line.unanswered.get(response.RefRequestID);",
      replace: "const [sent] = line.unanswered.values();",
      test: sendTest,
      name: "replies that are reordered, doubled, late or missing",
    },
    {
      promise: "a send whose answer does not come in time rejects with `TIMEOUT`",
      file: upstream,
      find: `for (const unit of sent.units) unit.reject(fault("TIMEOUT", this.#subject, text));`,
      replace: "",
      test: sendTest,
      name: "replies that are reordered, doubled, late or missing",
    },
    {
      promise: "a lost connection rejects what is unanswered: no send is repeated in silence",
      file: upstream,
      find: "for (const { units } of line.unanswered.values()) for (const unit of units) unit.reject(error);",
      replace: "",
      test: sendTest,
      name: "a lost connection rejects what is unanswered; the next send opens a new stream",
    },
    {
      promise: "`close()` of a publisher waits until every accepted message has its answer",
      file: upstream,
      find: "await this.flush();",
      replace: "",
      test: sendTest,
      name: "close flushes, drains and leaves no stream; then it refuses",
    },
    {
      promise: "an upstream is not cancelled while the server owes answers, which can crash a server",
      file: upstream,
      find: "if (line.owed > 0)",
      replace: "if (line.owed < 0)",
      test: sendTest,
      name: "an abort rejects at once, but the stream stays until the server has answered what it owes",
    },
  ],
};
