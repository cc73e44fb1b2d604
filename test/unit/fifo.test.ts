import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Fifo } from "../../src/support/fifo.js";
import { Latest } from "../../src/support/latest.js";

test("Fifo behaves like an array for random operations", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 700 }) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("shift" as const), count: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 0, max: 50 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const), count: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const { do: action, count } of steps) {
        if (action === "push") {
          for (let n = 0; n < count; n++) {
            fifo.push(next);
            model.push(next++);
          }
        } else if (action === "shift") {
          const taken = Array.from({ length: count }, () => fifo.shift()).filter((item) => item !== undefined);
          expect(taken).toEqual(model.splice(0, count));
        } else if (action === "take") {
          const wanted = model[count];
          expect(fifo.take((item) => item === wanted)).toBe(wanted);
          if (wanted !== undefined) model.splice(count, 1);
        } else {
          expect(fifo.drain()).toEqual(model);
          model = [];
        }
        expect(fifo.size).toBe(model.length);
        expect(fifo.peek()).toBe(model[0]);
      }
    }),
  );
});

test("the latest items are remembered, and at most twice as many", () => {
  const latest = new Latest<number>(3);
  const known = () => Array.from({ length: 12 }, (_, at) => at).filter((item) => latest.has(item));
  const sizes: number[] = [];
  for (let item = 0; item < 12; item++) {
    latest.add(item);
    expect(known().slice(-3)).toEqual([item - 2, item - 1, item].filter((each) => each >= 0));
    sizes.push(known().length);
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(6);
  expect(latest.has(0)).toBe(false);
});
