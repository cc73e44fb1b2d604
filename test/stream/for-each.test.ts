import { expect, test } from "@jest/globals";
import { forEachConcurrent } from "kubemq-es";
import { turns } from "../support/fake-clock.js";

function source(count: number) {
  const state = { pulled: 0, left: false };
  async function* numbers() {
    try {
      for (let n = 0; n < count; n++) {
        state.pulled += 1;
        yield n;
      }
    } finally {
      state.left = true;
    }
  }
  return { state, items: numbers() };
}

test("forEachConcurrent limits the running bodies, pulls only for a free slot, and waits for all", async () => {
  const { state, items } = source(20);
  let running = 0;
  let most = 0;
  let ahead = 0;
  let done = 0;
  await forEachConcurrent(items, 3, async () => {
    running += 1;
    most = Math.max(most, running);
    ahead = Math.max(ahead, state.pulled - done);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    done += 1;
  });
  expect({ most, done, running }).toEqual({ most: 3, done: 20, running: 0 });
  expect(ahead).toBeLessThanOrEqual(3);
});

test("forEachConcurrent keeps the order with a concurrency of 1", async () => {
  const seen: number[] = [];
  await forEachConcurrent(source(5).items, 1, async (n) => {
    await turns(5 - n);
    seen.push(n);
  });
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});

test("the first failure stops forEachConcurrent, which waits for running bodies and then throws it", async () => {
  const { state, items } = source(100);
  const finished: number[] = [];
  const boom = new Error("boom");
  await expect(
    forEachConcurrent(items, 4, async (n) => {
      if (n === 2) throw boom;
      if (n === 3) throw new Error("a later one");
      await turns(5);
      finished.push(n);
    }),
  ).rejects.toBe(boom);
  expect(finished).toEqual([0, 1]);
  expect(state.left).toBe(true);
  expect(state.pulled).toBeLessThanOrEqual(5);
});

test("an error of the source is thrown after running bodies have finished", async () => {
  const lost = new Error("lost");
  let finished = false;
  async function* failing() {
    yield 1;
    throw lost;
  }
  await expect(
    forEachConcurrent(failing(), 2, async () => {
      await turns(5);
      finished = true;
    }),
  ).rejects.toBe(lost);
  expect(finished).toBe(true);
});

test.each([0, -1, 1.5, Number.NaN])("forEachConcurrent refuses a concurrency of %p", async (concurrency) => {
  await expect(forEachConcurrent(source(1).items, concurrency, async () => {})).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});
