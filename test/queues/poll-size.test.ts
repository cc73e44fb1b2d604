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

test("polls ask for one message until the server reports many, then for half the prefetch", () => {
  const sizer = new PollSizer(256);
  expect(untilAsked(sizer)).toBe(4);
  sizer.told(10_000);
  expect(sizer.next(256, 0)).toBe(128);
  expect(sizer.next(100, 0)).toBe(100);
  expect(sizer.next(100, 129)).toBe(0);
  expect(sizer.next(0, 0)).toBe(0);
});

test("polls ask for no more messages than are known to wait", () => {
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

test("an unfilled poll and an empty queue end large polls", () => {
  const sizer = new PollSizer(64);
  untilAsked(sizer);
  sizer.told(1_000);
  expect(sizer.next(64, 0)).toBe(32);
  sizer.answered(32, 7, 1_000);
  expect(sizer.next(64, 0)).toBe(1);
});

test("without statistics, polls ask for a part of the messages that arrived without a wait", () => {
  const sizer = new PollSizer(256);
  untilAsked(sizer);
  sizer.told(undefined);
  for (let polls = 0; polls < 64; polls++) sizer.answered(1, 1, 1);
  const size = sizer.next(256, 0);
  expect(size).toBeGreaterThan(1);
  expect(size).toBeLessThanOrEqual(8);
});

test("messages that arrive one by one keep polls at one, and statistics are requested less and less often", () => {
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

test("a slow connection does not keep polls at one while messages accumulate", () => {
  const sizer = new PollSizer(32);
  for (let polls = 0; polls < 3; polls++) sizer.answered(1, 1, 1);
  let polls = 1;
  while (!sizer.answered(1, 1, 80)) expect((polls += 1)).toBeLessThan(8);
  sizer.told(1_000);
  expect(sizer.next(32, 0)).toBe(16);
  sizer.answered(16, 16, 80);
  expect(sizer.next(32, 0)).toBe(16);
});
