import { expect, test } from "@jest/globals";
import { newId } from "../../src/support/message/ids.js";

test("ids have twelve letters and digits, and are unique", () => {
  // Enough ids to carry over to the third digit from the right and beyond.
  const ids = Array.from({ length: 300_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[0-9A-Za-z]{12}$/.test(id))).toEqual([]);
});

test("the counter of ids carries to the next digit", () => {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const numberOf = (id: string) => Array.from(id).reduce((sum, digit) => sum * 62n + BigInt(digits.indexOf(digit)), 0n);
  let last = numberOf(newId());
  for (let count = 0; count < 10_000; count++) {
    const next = numberOf(newId());
    expect(next).toBe((last + 1n) % 62n ** 12n);
    last = next;
  }
});
