import { expect, test } from "@jest/globals";
import { TurnClock } from "../../src/support/time/turn-clock.js";

test("TurnClock reads the clock once per turn", async () => {
  let looks = 0;
  const clock = new TurnClock(() => ++looks * 100);
  expect([clock.now(), clock.now()]).toEqual([100, 100]);
  await Promise.resolve();
  expect([clock.now(), clock.now()]).toEqual([200, 200]);
  expect(looks).toBe(2);
});
