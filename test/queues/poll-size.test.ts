import { expect, test } from "@jest/globals";
import { PollSizer } from "../../src/queues/consume/poll-size.js";

/** Polls that are answered at once, one message each, until the server is asked how many wait. */
function untilAsked(sizer: PollSizer): number {
  for (let polls = 1; polls <= 1_000; polls++) {
    expect(sizer.next(256, 0)).toBe(1);
    if (sizer.answered(1, 1, 1)) return polls;
  }
  throw new Error("the server was not asked");
}

test("one at a time until the server says that many wait, then halves of the prefetch", () => {
  const sizer = new PollSizer(256);
  expect(untilAsked(sizer)).toBe(4);
  sizer.told(10_000);
  expect(sizer.next(256, 0)).toBe(128);
  expect(sizer.next(100, 0)).toBe(100);
  expect(sizer.next(100, 129)).toBe(0);
  expect(sizer.next(0, 0)).toBe(0);
});

test("it asks for less than is known to be there, down to one", () => {
  const sizer = new PollSizer(256);
  untilAsked(sizer);
  sizer.told(40);
  const sizes: number[] = [];
  for (let left = 40; left > 0; left -= sizes.at(-1) ?? 0) {
    sizes.push(sizer.next(256, 0));
    sizer.answered(sizes.at(-1) ?? 0, sizes.at(-1) ?? 0, 1);
  }
  expect(sizes.slice(0, 5)).toEqual([20, 10, 5, 2, 1]);
});

test("a poll that was not filled, and an empty queue, end the large polls", () => {
  const sizer = new PollSizer(64);
  untilAsked(sizer);
  sizer.told(1_000);
  expect(sizer.next(64, 0)).toBe(32);
  sizer.answered(32, 7, 1_000);
  expect(sizer.next(64, 0)).toBe(1);
});

test("a server that does not tell: a part of what came without a wait is asked for", () => {
  const sizer = new PollSizer(256);
  untilAsked(sizer);
  sizer.told(undefined);
  for (let polls = 0; polls < 64; polls++) sizer.answered(1, 1, 1);
  const size = sizer.next(256, 0);
  expect(size).toBeGreaterThan(1);
  expect(size).toBeLessThanOrEqual(8);
});

test("messages that come one by one leave the polls at one; the server is asked ever more rarely", () => {
  const sizer = new PollSizer(32);
  const asked: number[] = [];
  for (let polls = 1; polls <= 256; polls++) {
    expect(sizer.next(32, 0)).toBe(1);
    if (!sizer.answered(1, 1, 600)) continue;
    asked.push(polls);
    sizer.told(0);
  }
  expect(asked).toEqual([4, 12, 28, 60, 124, 188, 252]);
});

test("a way to the server that has become long does not leave the polls at one while messages pile up", () => {
  const sizer = new PollSizer(32);
  for (let polls = 0; polls < 3; polls++) sizer.answered(1, 1, 1);
  let polls = 1;
  while (!sizer.answered(1, 1, 80)) expect((polls += 1)).toBeLessThan(8);
  sizer.told(1_000);
  expect(sizer.next(32, 0)).toBe(16);
  sizer.answered(16, 16, 80);
  expect(sizer.next(32, 0)).toBe(16);
});
