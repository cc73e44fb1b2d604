import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Fifo } from "../../src/broker/fifo.js";
import { Heap } from "../../src/broker/queues/model/heap.js";
import { type Consumer, newSeat, Roster } from "../../src/broker/queues/model/roster.js";

const nobody: Consumer = { wants: () => false, take() {}, skip() {} };

describe("Fifo", () => {
  test("a Fifo returns items in order across all its chunks", () => {
    // Amounts that end at, before and behind the edge of a chunk.
    const amount = fc.constantFrom(0, 1, 7, 511, 512, 513, 1024, 1500);
    const rounds = fc.array(fc.tuple(amount, amount), { maxLength: 12 });
    const outcome = fc.check(
      fc.property(rounds, (rounds) => {
        const fifo = new Fifo<number>();
        let pushed = 0;
        let shifted = 0;
        for (const [pushes, shifts] of rounds) {
          for (let count = 0; count < pushes; count++) fifo.push(pushed++);
          for (let count = 0; count < shifts; count++) {
            const expected = shifted < pushed ? shifted++ : undefined;
            if (fifo.peek() !== expected || fifo.shift() !== expected) return false;
          }
          if (fifo.size !== pushed - shifted) return false;
        }
        fifo.clear();
        return fifo.size === 0 && fifo.peek() === undefined && fifo.shift() === undefined;
      }),
    );
    expect(outcome.failed ? fc.defaultReportMessage(outcome) : "").toBe("");
  });
});

describe("Heap", () => {
  test("a Heap returns the least item first, also after items were removed from its middle", () => {
    const outcome = fc.check(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.nat({ max: 60 }), (numbers, more) => {
        const heap = new Heap<number>((a, b) => a < b);
        for (const number of numbers) heap.push(number);
        heap.keep((number) => number % 3 !== 0);
        heap.push(more);
        const out: number[] = [];
        while (heap.size > 0) {
          const least = heap.peek();
          const popped = heap.pop();
          if (popped === undefined || popped !== least) return false;
          out.push(popped);
        }
        const expected = [...numbers.filter((number) => number % 3 !== 0), more].toSorted((a, b) => a - b);
        return heap.pop() === undefined && JSON.stringify(out) === JSON.stringify(expected);
      }),
    );
    expect(outcome.failed ? fc.defaultReportMessage(outcome) : "").toBe("");
  });
});

describe("Roster", () => {
  test("a Roster keeps its order when members leave, and visits each one once", () => {
    const outcome = fc.check(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 5 })), { maxLength: 60 }), (steps) => {
        const seats = Array.from({ length: 6 }, () => newSeat(nobody));
        const roster = new Roster();
        const line: number[] = [];
        for (const [joins, number] of steps) {
          const seat = seats[number];
          if (seat === undefined) return false;
          const at = line.indexOf(number);
          if (joins) {
            roster.append(seat);
            if (at < 0) line.push(number);
          } else {
            roster.remove(seat);
            if (at >= 0) line.splice(at, 1);
          }
          const shown: number[] = [];
          for (let one = roster.first; one !== undefined; one = one.after) shown.push(seats.indexOf(one));
          if (roster.size !== line.length || JSON.stringify(shown) !== JSON.stringify(line)) return false;
        }
        return true;
      }),
    );
    expect(outcome.failed ? fc.defaultReportMessage(outcome) : "").toBe("");
  });
});
