import { expect, test } from "@jest/globals";
import { ManualClock } from "kubemq-es/testing";
import { ChannelBook } from "../../src/broker/channels/channel-book.js";

const namesIn = (book: ChannelBook) => [...book.list(() => 0)].map(({ name }) => name);

test("a channel book forgets the oldest used channels beyond its limit, but not created ones", () => {
  const book = new ChannelBook(new ManualClock());
  book.create("created");
  for (let i = 0; i < 30_000; i++) book.received(`made-up.${i}`, 1);
  const names = namesIn(book);
  expect(names).toHaveLength(10_001);
  expect([names[0], names[1], names.at(-1)]).toEqual(["created", "made-up.20000", "made-up.29999"]);
});

test("a channel book keeps the counts of a channel that is created later, and resets those of a deleted one", () => {
  const clock = new ManualClock(0n);
  const book = new ChannelBook(clock);
  const entry = () => [...book.list((name) => (name === "a" ? 1 : 0))][0];
  book.received("a", 10);
  clock.advance(5);
  book.create("a");
  book.delivered("a", 10, 3);
  book.answered("a");
  expect(entry()).toMatchObject({
    isActive: true,
    lastActivity: 5_000_000n,
    incoming: { messages: 1, volume: 10, responses: 1 },
    outgoing: { messages: 3, volume: 30, responses: 1 },
  });
  book.delete("a");
  expect(entry()).toBeUndefined();
  book.seen("a");
  expect(entry()).toMatchObject({ incoming: { messages: 0 } });
});
