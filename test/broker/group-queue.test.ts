import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../src/broker/clock.js";
import { GroupQueue } from "../../src/broker/queues/model/group-queue.js";
import { type Content, type Message, newborn } from "../../src/broker/queues/model/message.js";
import type { Seat } from "../../src/broker/queues/model/roster.js";

const content = (messageId: string): Content => ({
  messageId,
  clientId: "c",
  metadata: messageId,
  body: new Uint8Array(),
  tags: {},
  policy: { expirationSeconds: 0, maxReceiveCount: 0, maxReceiveQueue: "" },
  partitioning: undefined,
  size: 0,
});

function queueOf(count: number, clock = new ManualClock(), delayMs = 0, random = () => 0): GroupQueue {
  const queue = new GroupQueue(
    "q",
    clock,
    { maxMessages: Infinity, maxAgeMs: Infinity },
    {
      ms: delayMs,
      share: 0.5,
      random,
    },
  );
  for (let number = 1; number <= count; number++) queue.push(content(`m${number}`), newborn(0n));
  return queue;
}

/** A poll for a number of messages: its answer, and how it answers and acknowledges. */
class Poll {
  readonly #queue: GroupQueue;
  readonly #seat: Seat;
  readonly taken: Message[] = [];

  constructor(queue: GroupQueue, most: number, lingers = false) {
    this.#queue = queue;
    this.#seat = queue.join({
      limit: most,
      survivesRestarts: true,
      lingers: () => lingers,
      wants: () => this.taken.length < most,
      take: (message) => this.taken.push(message),
      skip() {},
    });
  }

  get ids(): string[] {
    return this.taken.map((message) => message.content.messageId);
  }

  answer(): this {
    this.#queue.leave(this.#seat);
    return this;
  }

  ack(...messageIds: string[]): void {
    for (const message of this.taken) if (messageIds.includes(message.content.messageId)) this.#queue.ack(message);
  }

  release(): void {
    this.#queue.release(this.taken);
  }
}

describe("a queue of the community profile", () => {
  test("a queue keeps the order for one poll at a time", () => {
    const queue = queueOf(6);
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) {
      const poll = new Poll(queue, 2).answer();
      seen.push(...poll.ids);
      poll.ack(...poll.ids);
    }
    expect(seen).toEqual(["m1", "m2", "m3", "m4", "m5", "m6"]);
    expect(queue.stats()).toMatchObject({ waiting: 0, held: 0, consumers: 1 }); // the last that has left
    expect(queue.consumers).toBe(0);
  });

  test("a queue loses the order when polls overlap, even if each asks for one message", () => {
    const queue = queueOf(6);
    const first = new Poll(queue, 1).answer();
    const second = new Poll(queue, 1).answer();
    expect([first.ids, second.ids]).toEqual([["m1"], ["m2"]]);
    // m3 reaches the first poll before that ends, and is then trapped in the second.
    first.ack("m1");
    const third = new Poll(queue, 1).answer();
    expect(third.ids).toEqual(["m4"]);
    second.ack("m2");
    third.ack("m4");
    const rest: string[] = [];
    for (let poll = new Poll(queue, 1).answer(); poll.ids.length > 0; poll = new Poll(queue, 1).answer()) {
      rest.push(...poll.ids);
      poll.ack(...poll.ids);
    }
    expect(rest).toEqual(["m3", "m5", "m6"]);
  });

  test("a poll that was not filled traps further messages until its messages are settled", () => {
    const clock = new ManualClock();
    const queue = queueOf(1, clock);
    const poll = new Poll(queue, 3).answer();
    queue.push(content("m2"), newborn(0n));
    queue.push(content("m3"), newborn(0n));
    queue.push(content("m4"), newborn(0n));
    const other = new Poll(queue, 5);
    expect(other.ids).toEqual(["m4"]);
    poll.ack("m1");
    clock.advance(99);
    expect(other.ids).toEqual(["m4"]);
    clock.advance(1);
    expect(other.ids).toEqual(["m4", "m2", "m3"]);
  });

  test("a full receive leaves the remaining returned messages to the next consumer", () => {
    const queue = queueOf(4);
    new Poll(queue, 3).answer().release();
    const received: string[] = [];
    queue.join({
      limit: 1,
      wants: () => received.length < 1,
      take(message) {
        received.push(message.content.messageId);
        queue.ack(message);
      },
      skip() {},
    });
    const next = new Poll(queue, 4).answer();
    expect([received, next.ids]).toEqual([["m1"], ["m2", "m3", "m4"]]);
  });

  test("a slow message of a full poll delays messages that others could process", () => {
    const queue = queueOf(5);
    const poll = new Poll(queue, 2).answer();
    poll.ack("m2");
    const other = new Poll(queue, 3).answer();
    expect(other.ids).toEqual(["m4", "m5"]);
    other.ack("m4", "m5");
    expect(new Poll(queue, 3).ids).toEqual([]);
    poll.ack("m1");
    expect(queue.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  test("the next poll receives all messages that the last one left behind, whatever number it asks for", () => {
    const queue = queueOf(4);
    new Poll(queue, 4).release();
    const small = new Poll(queue, 1).answer();
    expect(small.ids).toEqual(["m1"]);
    expect(new Poll(queue, 1).ids).toEqual([]);
    small.release();
    expect(queue.stats()).toMatchObject({ waiting: 0, held: 4 });
  });

  test("overlapping short polls pass messages from one to the next", () => {
    const clock = new ManualClock();
    const queue = queueOf(3, clock);
    let poll = new Poll(queue, 3);
    for (let times = 0; times < 5; times++) {
      const next = new Poll(queue, 3);
      poll.answer().release();
      clock.advance(99);
      expect(next.ids).toEqual([]);
      poll = next;
    }
    clock.advance(1);
    expect(poll.ids).toEqual(["m1", "m2", "m3"]);
  });

  test("a poll that joins others receives nothing before it is started", () => {
    const clock = new ManualClock();
    const queue = queueOf(3, clock, 1);
    const first = new Poll(queue, 1).answer();
    const second = new Poll(queue, 1);
    clock.advance(0.9);
    expect([first.ids, second.ids]).toEqual([["m1"], []]);
    clock.advance(0.1);
    expect(second.ids).toEqual(["m2"]);
  });

  test("a poll that joins others and is not one of those that are delayed receives messages at once", () => {
    const queue = queueOf(3, new ManualClock(), 1, () => 0.5);
    new Poll(queue, 1).answer();
    expect(new Poll(queue, 1).ids).toEqual(["m2"]);
  });

  test("a poll that joins while others end counts as full until 100 ms without an end have passed", () => {
    const clock = new ManualClock();
    const queue = queueOf(20, clock, 1);
    let busy = new Poll(queue, 1).answer();
    const starved = new Poll(queue, 1);
    for (let times = 1; times <= 5; times++) {
      // The acknowledgement brings this poll the next message, which it leaves behind when it ends.
      busy.ack(...busy.ids);
      busy = new Poll(queue, 1);
      clock.advance(90);
      busy.answer();
      expect([busy.ids.length, starved.ids.length]).toEqual([1, 0]);
    }
    clock.advance(20);
    expect(starved.ids).toHaveLength(1);
    const { waiting, held } = queue.stats();
    expect(waiting + held).toBe(20 - 5); // five were acknowledged, and none is lost
  });

  test("two polls receive a message whose holder ends while it is sent again", () => {
    const clock = new ManualClock();
    const queue = queueOf(4, clock, 1);
    const slow = new Poll(queue, 1).answer();
    const other = new Poll(queue, 1);
    clock.advance(1);
    other.answer().release(); // m2 rests with the slow poll
    clock.advance(100);
    const polls = [new Poll(queue, 1), new Poll(queue, 3)];
    slow.ack("m1"); // m2 passes to the first of them, and is sent again all the same
    clock.advance(101);
    const ids = polls.flatMap((poll) => poll.ids);
    expect(ids.filter((id) => id === "m2")).toEqual(["m2", "m2"]);
    for (const poll of polls) {
      poll.ack(...poll.ids);
      poll.answer();
    }
    expect(queue.stats()).toMatchObject({ held: 0 });
  });

  test("a lease that begins before the settled one has left receives another message first", () => {
    const clock = new ManualClock();
    const queue = queueOf(3, clock);
    const settled = new Poll(queue, 1, true);
    settled.ack("m1");
    expect(queue.consumers).toBe(1);
    const next = new Poll(queue, 1);
    settled.answer(); // leaves
    expect([queue.consumers, next.ids]).toEqual([1, ["m3"]]);
    next.answer().ack("m3");
    expect(new Poll(queue, 1).ids).toEqual(["m2"]);
  });

  test("a lease that begins when the settled one has left receives the next message", () => {
    const queue = queueOf(3);
    const settled = new Poll(queue, 1, true);
    settled.ack("m1");
    settled.answer();
    expect([queue.consumers, new Poll(queue, 1).ids]).toEqual([0, ["m2"]]);
  });

  test("released messages go to the poll that listens 100 ms later, with their sequences", () => {
    const clock = new ManualClock();
    const queue = queueOf(2, clock);
    const first = new Poll(queue, 2).answer();
    const second = new Poll(queue, 2);
    first.release();
    clock.advance(100);
    expect(second.taken.map(({ sequence, deliveries }) => ({ sequence, deliveries }))).toEqual([
      { sequence: 1, deliveries: 0 },
      { sequence: 2, deliveries: 0 },
    ]);
  });

  test("a consumer that acknowledges while it takes messages is served without recursion, and each message counts once", () => {
    const queue = queueOf(50_000);
    const messages: Message[] = [];
    let refused = false;
    const seat = queue.join({
      wants: () => true,
      take(message) {
        messages.push(message);
        refused ||= !queue.ack(message);
      },
      skip() {},
    });
    queue.leave(seat);
    for (const message of messages.slice(0, 2)) expect(queue.ack(message)).toBe(false);
    expect(messages.length).toBe(50_000);
    expect(refused).toBe(false);
    expect(queue.stats()).toMatchObject({ waiting: 0, held: 0 });
    expect(queue.consumers).toBe(0);
  });

  test("polls from before a restart keep their messages and take further ones", () => {
    const clock = new ManualClock();
    const queue = queueOf(1, clock);
    const poll = new Poll(queue, 2).answer();
    queue.restart();
    poll.release();
    poll.ack("m1");
    queue.push(content("m2"), newborn(0n));
    clock.advance(1000);
    expect(new Poll(queue, 1).ids).toEqual([]);
    expect(queue.stats()).toMatchObject({ held: 2, waiting: 0, consumers: 2 });
    queue.push(content("m3"), newborn(0n));
    expect(queue.stats()).toMatchObject({ held: 3, waiting: 0 });
    queue.clear();
    expect(queue.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  test("clearing a queue removes waiting, held and trapped messages", () => {
    const queue = queueOf(5);
    const poll = new Poll(queue, 2).answer();
    poll.ack("m1");
    queue.clear();
    expect(queue.stats()).toMatchObject({ waiting: 0, held: 0 });
    expect(queue.consumers).toBe(0);
    expect(queue.ack(poll.taken[1] as Message)).toBe(false);
    queue.push(content("new"), newborn(0n));
    expect(new Poll(queue, 1).ids).toEqual(["new"]);
  });
});
