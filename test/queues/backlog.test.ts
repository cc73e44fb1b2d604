import { describe, expect, test } from "@jest/globals";
import { Backlog } from "../../src/queues/consume/taking/backlog.js";
import { wireMessage } from "../support/queue-world.js";

const nothingHeld = { held: 0, transactions: 0 };

/** A message that the server stored a second after the one before. */
function message(storedAfterMs = 1_000) {
  const message = wireMessage(++messages);
  storedAtMs += storedAfterMs;
  if (message.Attributes !== undefined) message.Attributes.Timestamp = BigInt(storedAtMs) * 1_000_000n;
  return message;
}
let messages = 0;
let storedAtMs = 0;

/** Requests the server's count, which takes one millisecond. */
function count(
  backlog: Backlog,
  waiting: number,
  own = nothingHeld,
  subscribers = Math.max(1, own.transactions),
): void {
  backlog.counted({ waiting, subscribers }, own, 1, 0);
}

describe("the size of polls", () => {
  test("the server's count is requested first, and polls ask for the number of waiting messages", () => {
    const backlog = new Backlog(256);
    expect(backlog.wantsCount(0)).toBe(true);
    expect(backlog.next(256)).toBe(0);
    count(backlog, 300);
    expect(backlog.wantsCount(1_000)).toBe(false);
    expect(backlog.next(256)).toBe(256);
    backlog.polled(256, 256, 1);
    expect(backlog.next(256)).toBe(44);
    expect(backlog.next(8)).toBe(8);
    backlog.polled(44, 44, 1);
    expect(backlog.next(256)).toBe(0);
  });

  test("held messages do not enlarge a poll", () => {
    const backlog = new Backlog(256);
    count(backlog, 12, { held: 10, transactions: 1 });
    expect(backlog.next(256)).toBe(2);
    count(backlog, 3, { held: 10, transactions: 1 });
    expect(backlog.next(256)).toBe(0);
  });

  test("the count is requested again after a message that had waited, not after one that the poll waited for", () => {
    const backlog = new Backlog(32);
    count(backlog, 0);
    backlog.polled(1, 1, 1); // the threshold for an immediate answer
    count(backlog, 5);
    backlog.polled(5, 5, 1);
    count(backlog, 4);
    backlog.polled(4, 4, 1);
    count(backlog, 2);
    backlog.polled(2, 2, 600);
    backlog.seen(message(), 600);
    expect(backlog.next(32)).toBe(1);
    expect(backlog.wantsCount(1_000)).toBe(false);
    backlog.seen(message(), 1);
    expect(backlog.wantsCount(1_000)).toBe(true);
  });

  test("the count is requested less and less often while messages arrive one by one", () => {
    const backlog = new Backlog(32);
    count(backlog, 0);
    const asked: number[] = [];
    for (let polls = 1; polls <= 256; polls++) {
      backlog.seen(message(), 600);
      expect(backlog.next(32)).toBe(1);
      backlog.polled(1, 1, 600);
      if (!backlog.wantsCount(polls * 1_000)) continue;
      asked.push(polls);
      count(backlog, 0);
    }
    expect(asked).toEqual([4, 12, 28, 60, 124, 188, 252]);
  });

  test("a burst is detected at its second message, however often the count was skipped before", () => {
    const backlog = new Backlog(32);
    for (let counts = 0; counts < 10; counts++) count(backlog, 0);
    backlog.seen(message(), 600); // waited for
    backlog.polled(1, 1, 1);
    backlog.seen(message(), 1);
    expect(backlog.wantsCount(1_000)).toBe(false);
    backlog.polled(1, 1, 1);
    backlog.seen(message(), 1);
    expect(backlog.wantsCount(1_000)).toBe(true);
    count(backlog, 90);
    expect(backlog.next(32)).toBe(32);
  });

  test("a burst is detected by the times of its messages while the server is slow", () => {
    const backlog = new Backlog(32);
    backlog.polled(1, 1, 1); // the threshold for an immediate answer
    for (let idle = 0; idle < 6; idle++) count(backlog, 0);
    for (const storedAfterMs of [1_000, 1, 1]) {
      expect(backlog.wantsCount(1_000)).toBe(false);
      const burst = message(storedAfterMs);
      backlog.seen(burst, 80);
      backlog.took([burst], 0);
      backlog.polled(1, 1, 80);
    }
    expect(backlog.wantsCount(1_000)).toBe(true);
  });

  test("a slow connection does not keep polls at one while messages accumulate", () => {
    const backlog = new Backlog(32);
    count(backlog, 0);
    for (let polls = 0; polls < 3; polls++) backlog.polled(1, 1, 1);
    count(backlog, 0);
    let polls = 0;
    while (!backlog.wantsCount(1_000)) {
      backlog.seen(message(), 80);
      backlog.polled(1, 1, 80);
      expect((polls += 1)).toBeLessThan(8);
    }
    count(backlog, 1_000);
    expect(backlog.next(32)).toBe(32);
    backlog.polled(32, 32, 80);
    expect(backlog.next(32)).toBe(32);
  });

  test("the count is requested less often from a slow server", () => {
    const backlog = new Backlog(32);
    backlog.counted({ waiting: 2, subscribers: 1 }, nothingHeld, 48, 1_000);
    backlog.polled(2, 2, 1);
    expect(backlog.wantsCount(1_100)).toBe(false);
    expect(backlog.wantsCount(1_000 + 5 * 48)).toBe(true);
  });

  test("after a burst the count is requested soon from a slow server, and then less often while it is small", () => {
    const backlog = new Backlog(32);
    backlog.counted({ waiting: 40, subscribers: 1 }, nothingHeld, 48, 0);
    let now = 0;
    const pauses = [];
    for (let counts = 0; counts < 5; counts++) {
      backlog.counted({ waiting: 0, subscribers: 1 }, nothingHeld, 48, now);
      const from = now;
      while (!backlog.mayCount(now)) now += 48;
      pauses.push((now - from) / 48);
    }
    expect(pauses).toEqual([1, 2, 4, 5, 5]);
  });

  test("counted messages that a poll did not return are not polled for again until the count falls", () => {
    const backlog = new Backlog(64);
    count(backlog, 30);
    backlog.polled(30, 10, 1_000);
    expect(backlog.next(64)).toBe(0);
    count(backlog, 20); // held by a consumer that is gone, or by one that is working
    expect(backlog.next(64)).toBe(0);
    count(backlog, 25);
    expect(backlog.next(64)).toBe(5);
    count(backlog, 3);
    count(backlog, 8);
    expect(backlog.next(64)).toBe(5);
  });

  test("counted messages that were given up are polled for again when others arrive at once", () => {
    const backlog = new Backlog(64);
    count(backlog, 1_000);
    backlog.polled(64, 10, 1_000);
    count(backlog, 990);
    expect(backlog.next(64)).toBe(0);
    for (let polls = 0; polls < 8; polls++) {
      backlog.seen(message(), 1);
      backlog.polled(1, 1, 1);
    }
    count(backlog, 980);
    expect(backlog.next(64)).toBe(64);
  });

  test("with other consumers polls start at one message and double while they are filled at once", () => {
    const backlog = new Backlog(64);
    count(backlog, 1_000, nothingHeld, 3);
    const sizes: number[] = [];
    for (let polls = 0; polls < 5; polls++) {
      sizes.push(backlog.next(64));
      backlog.polled(sizes.at(-1) ?? 0, sizes.at(-1) ?? 0, 1);
    }
    expect(sizes).toEqual([1, 2, 4, 8, 16]);
    backlog.polled(32, 5, 1_000);
    count(backlog, 900, nothingHeld, 3);
    backlog.seen(message(), 1);
    expect(backlog.next(64)).toBe(1);
  });

  test("without a count polls grow by a quarter of the messages that came at once, and fall back to one", () => {
    const backlog = new Backlog(256);
    backlog.cannotAsk();
    expect(backlog.wantsCount(1_000)).toBe(false);
    for (let polls = 0; polls < 64; polls++) {
      if (backlog.next(256) > 1) break;
      backlog.polled(1, 1, 1);
    }
    for (let polls = 0; polls < 6; polls++) {
      const size = backlog.next(256);
      expect(size).toBeLessThanOrEqual(64);
      backlog.polled(Math.max(1, size), Math.max(1, size), 1);
    }
    expect(backlog.next(256)).toBeGreaterThan(1);
    backlog.polled(1, 1, 500);
    backlog.polled(4, 2, 1_000);
    expect(backlog.next(256)).toBe(0);
  });
});
