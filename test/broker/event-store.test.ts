import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "kubemq-es/testing";
import type { Logged, StartPosition } from "../../src/broker/events/event-log.js";
import type { StoreSubscription } from "../../src/broker/events/event-store.js";
import { EventStore } from "../../src/broker/events/event-store.js";

const forEver = { maxMessages: Infinity, maxAgeMs: Infinity };

/** A subscriber with limited space, which records what it receives. */
function taker(space = Infinity) {
  const got: number[] = [];
  return {
    got,
    member: {
      accept({ sequence }: Logged<string>) {
        if (got.length >= space) return false;
        got.push(sequence);
        return true;
      },
    },
  };
}

const alone = (clientId: string) => ({ clientId, group: "" });

describe("the event store", () => {
  test.each<[string, StartPosition, number[]]>([
    ["new", { from: "new" }, [5]],
    ["first", { from: "first" }, [1, 2, 3, 4, 5]],
    ["last", { from: "last" }, [4, 5]],
    ["a sequence", { from: "sequence", sequence: 3n }, [3, 4, 5]],
    ["a sequence beyond the end", { from: "sequence", sequence: 99n }, [5]],
    ["a time", { from: "time", timestamp: 2_000_000n }, [3, 4, 5]],
    ["a time to come", { from: "time", timestamp: 10n ** 18n }, [5]],
  ])("starts a subscription from %s", (_, start, wanted) => {
    const clock = new ManualClock(0n);
    const store = new EventStore<string>(clock, forEver);
    for (let i = 0; i < 4; i++) {
      store.append("ch", "e");
      clock.advance(1);
    }
    const { got, member } = taker();
    store.subscribe("ch", alone("c"), start, member);
    store.append("ch", "e");
    expect(got).toEqual(wanted);
  });

  test("a returning subscriber continues where it stopped, whatever start it asks for", () => {
    const store = new EventStore<string>(new ManualClock(), forEver);
    const first = taker();
    const subscription = store.subscribe("ch", alone("c"), { from: "new" }, first.member);
    store.append("ch", "e");
    subscription.leave();
    store.append("ch", "missed");
    const second = taker();
    store.subscribe("ch", alone("c"), { from: "first" }, second.member);
    expect([first.got, second.got]).toEqual([[1], [2]]);
  });

  test("a group shares one position in turns, and the position outlives its members", () => {
    const store = new EventStore<string>(new ManualClock(), forEver);
    const [a, b, late] = [taker(), taker(), taker()];
    const leaves = [a, b].map(({ member }, i) =>
      store.subscribe("ch", { clientId: `c${i}`, group: "g" }, { from: "new" }, member),
    );
    for (let i = 0; i < 10; i++) store.append("ch", "e");
    expect([a.got.length, b.got.length]).toEqual([5, 5]);
    for (const subscription of leaves) subscription.leave();
    store.append("ch", "e");
    store.subscribe("ch", { clientId: "c9", group: "g" }, { from: "first" }, late.member);
    expect(late.got).toEqual([11]);
  });

  test("retention by count and by age removes the oldest events, and sequences continue", () => {
    const clock = new ManualClock();
    const store = new EventStore<string>(clock, { maxMessages: 3, maxAgeMs: 1000 });
    for (let i = 0; i < 5; i++) store.append("ch", "e");
    expect([...store.list()]).toEqual([{ name: "ch", events: 3, consumers: 0, waiting: 0 }]);
    clock.advance(500);
    store.append("ch", "e");
    clock.advance(600);
    expect([...store.list()][0]?.events).toBe(1);
    clock.advance(1000);
    expect([...store.list()][0]?.events).toBe(0);
    expect(clock.timers).toBe(0);
    const { got, member } = taker();
    store.subscribe("ch", alone("c"), { from: "first" }, member);
    store.append("ch", "e");
    expect(got).toEqual([7]);
  });

  test("a subscriber that had not received a purged range skips it", () => {
    const clock = new ManualClock();
    const store = new EventStore<string>(clock, { ...forEver, maxAgeMs: 1000 });
    const before = taker();
    store.append("ch", "e");
    store.subscribe("ch", alone("c"), { from: "first" }, before.member).leave();
    for (let i = 0; i < 9; i++) store.append("ch", "e");
    store.purge("ch", 6);
    const after = taker();
    store.subscribe("ch", alone("c"), { from: "first" }, after.member);
    expect([before.got, after.got]).toEqual([[1], [7, 8, 9, 10]]);
    store.purge("ch", 10);
    expect(clock.timers).toBe(0);
  });

  test("a deleted channel starts again at sequence 1, also for current subscribers", () => {
    const store = new EventStore<string>(new ManualClock(), forEver);
    const { got, member } = taker();
    store.subscribe("ch", alone("c"), { from: "new" }, member);
    store.append("ch", "e");
    store.append("ch", "e");
    store.delete("ch");
    store.append("ch", "e");
    expect(got).toEqual([1, 2, 1]);
  });

  test("random programs give the same result as a plain model", () => {
    const name = fc.constantFrom("x", "y");
    const identity = fc.record({
      clientId: fc.constantFrom("c1", "c2"),
      group: fc.constantFrom("", "g"),
    });
    const start: fc.Arbitrary<StartPosition> = fc.oneof(
      fc.constantFrom<StartPosition>({ from: "new" }, { from: "first" }, { from: "last" }),
      fc.bigInt({ min: 1n, max: 12n }).map((sequence) => ({ from: "sequence" as const, sequence })),
      fc.bigInt({ min: 0n, max: 40n }).map((ms) => ({ from: "time" as const, timestamp: ms * 1_000_000n })),
    );
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant("append" as const), name }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant("subscribe" as const),
          name,
          identity,
          start,
          space: fc.constantFrom(2, 99),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), at: fc.nat({ max: 5 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("drain" as const), at: fc.nat({ max: 5 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("skip" as const), at: fc.nat({ max: 5 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const), name, through: fc.nat({ max: 12 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.nat({ max: 12 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (program) => {
        const clock = new ManualClock(0n);
        const retention = { maxMessages: 6, maxAgeMs: 20 };
        const store = new EventStore<string>(clock, retention);
        const model = new PlainStore(retention);
        // The same subscribers on both sides: their events, and the space left.
        const live: { key: string; name: string; real: Box; plain: Box; subscription: StoreSubscription }[] = [];
        for (const one of program) {
          model.now = Number(clock.now() / 1_000_000n);
          if (one.do === "append") {
            store.append(one.name, "e");
            model.append(one.name);
          } else if (one.do === "subscribe") {
            const { group, clientId } = one.identity;
            const key = `${one.name}/${group === "" ? clientId : `group ${group}`}`;
            const [real, plain] = [new Box(one.space), new Box(one.space)];
            const subscription = store.subscribe(one.name, one.identity, one.start, {
              accept: ({ sequence }) => real.offer(sequence),
            });
            model.subscribe(one.name, key, one.start, plain);
            live.push({ key, name: one.name, real, plain, subscription });
          } else if (one.do === "leave") {
            const [gone] = live.splice(one.at, 1);
            gone?.subscription.leave();
            if (gone !== undefined) model.leave(gone.key, gone.plain);
          } else if (one.do === "drain") {
            const member = live[one.at];
            if (member === undefined) continue;
            member.real.empty();
            member.plain.empty();
            member.subscription.resume();
            model.pump(member.name, member.key);
          } else if (one.do === "skip") {
            const member = live[one.at];
            if (member === undefined) continue;
            member.subscription.skip();
            model.skip(member.name, member.key);
          } else if (one.do === "purge") {
            store.purge(one.name, one.through);
            model.purge(one.name, one.through);
          } else {
            clock.advance(one.ms);
            model.now = Number(clock.now() / 1_000_000n);
            model.expire();
          }
          for (const { real, plain } of live) expect(real.all).toEqual(plain.all);
          for (const { name, events } of store.list()) expect(events).toBe(model.kept(name).length);
        }
        store.close();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 120 },
    );
  });
});

/** A subscriber's buffer. */
class Box {
  readonly all: number[] = [];
  #held = 0;
  readonly #space: number;

  constructor(space: number) {
    this.#space = space;
  }

  offer(sequence: number): boolean {
    if (this.#held >= this.#space) return false;
    this.#held++;
    this.all.push(sequence);
    return true;
  }

  empty(): void {
    this.#held = 0;
  }
}

interface PlainEvent {
  readonly name: string;
  readonly sequence: number;
  readonly at: number;
}

/** The store as a plain list that is searched completely at each step. */
class PlainStore {
  now = 0;
  #events: PlainEvent[] = [];
  readonly #counts = new Map<string, number>();
  readonly #positions = new Map<string, { next: number; members: Box[]; turn: number }>();
  readonly #retention: { maxMessages: number; maxAgeMs: number };

  constructor(retention: { maxMessages: number; maxAgeMs: number }) {
    this.#retention = retention;
  }

  kept(name: string): PlainEvent[] {
    return this.#events.filter((event) => event.name === name);
  }

  append(name: string): void {
    const sequence = this.#last(name) + 1;
    this.#counts.set(name, sequence);
    this.#events.push({ name, sequence, at: this.now });
    const [oldest] = this.kept(name);
    if (this.kept(name).length > this.#retention.maxMessages && oldest !== undefined) {
      this.purge(name, oldest.sequence);
    }
    for (const key of this.#positions.keys()) if (key.startsWith(`${name}/`)) this.pump(name, key);
  }

  subscribe(name: string, key: string, start: StartPosition, box: Box): void {
    const position = this.#positions.get(key) ?? { next: this.#startOf(name, start), members: [], turn: 0 };
    this.#positions.set(key, position);
    position.members.push(box);
    this.pump(name, key);
  }

  leave(key: string, box: Box): void {
    const members = this.#positions.get(key)?.members ?? [];
    members.splice(members.indexOf(box), 1);
  }

  skip(name: string, key: string): void {
    const position = this.#positions.get(key);
    const waiting = this.kept(name).find(({ sequence }) => sequence >= (position?.next ?? 0));
    if (position !== undefined && waiting !== undefined) position.next = waiting.sequence + 1;
    this.pump(name, key);
  }

  pump(name: string, key: string): void {
    const position = this.#positions.get(key);
    if (position === undefined) return;
    for (const { sequence } of this.kept(name)) {
      if (sequence < position.next) continue;
      const { members } = position;
      const taken = members.some(() => members[position.turn++ % members.length]?.offer(sequence));
      if (!taken) return;
      position.next = sequence + 1;
    }
  }

  purge(name: string, through: number): void {
    this.#events = this.#events.filter((event) => event.name !== name || event.sequence > through);
  }

  expire(): void {
    this.#events = this.#events.filter(({ at }) => this.now - at <= this.#retention.maxAgeMs);
  }

  #last(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  #startOf(name: string, start: StartPosition): number {
    const kept = this.kept(name);
    const beyond = this.#last(name) + 1;
    switch (start.from) {
      case "new":
        return beyond;
      case "first":
        return kept[0]?.sequence ?? beyond;
      case "last":
        return kept.at(-1)?.sequence ?? beyond;
      case "sequence":
        return kept.find(({ sequence }) => sequence >= Number(start.sequence))?.sequence ?? beyond;
      case "time":
        return kept.find(({ at }) => at >= Number(start.timestamp / 1_000_000n))?.sequence ?? beyond;
    }
    return start satisfies never;
  }
}
