import { expect, test } from "@jest/globals";
import { Unanswered } from "../../src/stream/pending-answers.js";
import { FakeClock } from "../support/fake-clock.js";

test("each message has its whole time-out, from the turn in which it was sent", async () => {
  const clock = new FakeClock();
  const late: [string, number][] = [];
  const unanswered = new Unanswered(clock, 100, (messages) => {
    for (const { id } of messages) late.push([id, clock.now()]);
  });
  const send = (id: string) => unanswered.add({ id, deadline: unanswered.deadline() });
  send("a");
  send("b");
  await clock.advance(60);
  send("c");
  await clock.advance(99);
  expect(late).toEqual([
    ["a", 100],
    ["b", 100],
  ]);
  await clock.advance(1);
  expect(late.slice(2)).toEqual([["c", 160]]);
  expect(unanswered.size).toBe(0);
  expect(clock.timers).toBe(0);
});
