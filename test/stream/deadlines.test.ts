import { expect, test } from "@jest/globals";
import { Deadlines } from "../../src/stream/send/deadlines.js";
import { FakeClock } from "../support/fake-clock.js";

/** Deadlines of 100 ms, and the messages reported as late. */
function world() {
  const clock = new FakeClock();
  const late: [string, number][] = [];
  const deadlines = new Deadlines<{ id: string; deadline: number; isSettled: boolean }>(clock, 100, ({ id }) => {
    late.push([id, clock.now()]);
  });
  const send = (id: string) => {
    const sent = { id, deadline: deadlines.next(), isSettled: false };
    deadlines.add(sent);
    return sent;
  };
  return { clock, late, send, deadlines };
}

test("each message has its whole time-out, starting in the turn in which it was sent", async () => {
  const { clock, late, send } = world();
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
  expect(clock.timers).toBe(0);
});

test("a settled message is not reported as late, and all share one timer", async () => {
  const { clock, late, send, deadlines } = world();
  const sent = Array.from({ length: 5_000 }, (_, n) => send(String(n)));
  for (const one of sent) if (one.id !== "4000") one.isSettled = true;
  expect(clock.timers).toBe(1);
  await clock.advance(60);
  send("later");
  await clock.advance(40);
  expect(late).toEqual([["4000", 100]]);
  deadlines.stop();
  expect(clock.timers).toBe(0);
});
