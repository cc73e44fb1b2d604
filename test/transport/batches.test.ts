import { describe, expect, test } from "@jest/globals";
import { Turn, turn, type TurnTask } from "../../src/support/time/turn.js";
import { Batches } from "../../src/transport/batches.js";
import type { Reader, Source } from "../../src/transport/index.js";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** A source whose messages a test makes, and a loop over it that keeps what it gets. */
class Reading implements Source<number> {
  readonly calls: string[] = [];
  readonly batches: (readonly number[])[] = [];
  readonly ends: unknown[] = [];
  readonly loop: Batches<number>;
  #reader: Reader<number> | undefined;

  constructor(isReading = true) {
    this.loop = new Batches(this);
    if (isReading) this.ask();
  }
  ask(): void {
    this.loop.next().then(
      (result) => {
        if (result.done === true) return this.ends.push(undefined);
        this.batches.push(result.value);
        return this.ask();
      },
      (error: unknown) => this.ends.push(error),
    );
  }
  read(reader: Reader<number>): void {
    this.#reader = reader;
  }
  resume(): void {
    this.calls.push("resume");
  }
  cancel(): void {
    this.calls.push("cancel");
  }
  /** Messages in one frame. */
  receive(...messages: number[]): void {
    turn.received(messages.length);
    for (const message of messages) {
      if (this.#reader?.message(message, 1) === false && this.calls.at(-1) !== "full") this.calls.push("full");
    }
    turn.delivered();
  }
  end(error?: unknown): void {
    this.#reader?.end(error);
  }
}

describe("the messages of a stream in a loop", () => {
  test("messages of one turn are delivered at its end, as one batch", async () => {
    const stream = new Reading();
    stream.receive(1);
    stream.receive(2, 3);
    stream.receive();
    await Promise.resolve();
    expect(stream.batches).toEqual([]);
    await nextTurn();
    expect(stream.batches).toEqual([[1, 2, 3]]);
    stream.receive(4);
    await nextTurn();
    expect(stream.batches).toEqual([[1, 2, 3], [4]]);
  });

  test("messages are delivered without waiting for a turn when no frame has arrived in this one", async () => {
    const stream = new Reading();
    stream.receive();
    await nextTurn();
    const message = stream.loop.message(1, 0);
    expect(message).toBe(true);
    for (let step = 0; step < 5; step++) await Promise.resolve();
    expect(stream.batches).toEqual([[1]]);
  });

  test("more than 4,096 unread messages stop the server until the loop reads them", async () => {
    const stream = new Reading(false);
    stream.receive(...Array.from({ length: 5_000 }, (_, n) => n));
    await nextTurn();
    expect(stream.calls).toEqual(["full"]);
    stream.ask();
    await nextTurn();
    expect(stream.batches.map(({ length }) => length)).toEqual([5_000]);
    expect(stream.calls).toEqual(["full", "resume"]);
  });

  test("messages are delivered before the end of a stream, and its error once", async () => {
    const stream = new Reading(false);
    const error = new Error("lost");
    stream.receive(1);
    stream.end(error);
    stream.ask();
    await nextTurn();
    expect(stream.batches).toEqual([[1]]);
    expect(stream.ends).toEqual([error]);
    stream.ask();
    await nextTurn();
    expect(stream.ends).toEqual([error, undefined]);
  });

  test("messages are dropped when the loop is left, and the source is cancelled", async () => {
    const stream = new Reading();
    stream.receive(1);
    void stream.loop.return();
    await nextTurn();
    expect(stream).toMatchObject({ batches: [], ends: [undefined], calls: ["cancel"] });
  });
});

describe("a turn of the event loop", () => {
  function tasks(count: number): (TurnTask & { runs: number })[] {
    return Array.from({ length: count }, () => ({
      isDue: false,
      runs: 0,
      onTurnEnd() {
        this.runs += 1;
      },
    }));
  }

  test("a turn of a thousand streams buffers at most 512 frames", async () => {
    const turns = new Turn();
    const all = tasks(1_000);
    for (const task of all) {
      turns.received(10);
      turns.atEnd(task);
    }
    expect(all.filter(({ runs }) => runs > 0)).toHaveLength(512);
    await nextTurn();
    expect(all.map(({ runs }) => runs)).toEqual(all.map(() => 1));
  });

  test("a turn buffers at most 64 KiB", () => {
    const turns = new Turn();
    const all = tasks(10);
    for (const task of all) {
      turns.received(16 * 1024);
      turns.atEnd(task);
    }
    expect(all.filter(({ runs }) => runs > 0)).toHaveLength(8);
  });

  test("a turn ends early only when no task waits for its end", () => {
    const turns = new Turn();
    const [task] = tasks(1);
    const first = turns.received(1);
    turns.endEarly();
    const second = turns.received(1);
    expect(second).not.toBe(first);
    if (task !== undefined) turns.atEnd(task);
    turns.endEarly();
    expect([turns.received(1), task?.runs]).toEqual([second, 0]);
  });

  test("a turn that has ended early does not wait for its end", () => {
    const turns = new Turn();
    const waiting = () => process.getActiveResourcesInfo().filter((name) => name === "Immediate").length;
    const before = waiting();
    turns.received(1);
    turns.endEarly();
    turns.delivered();
    expect(waiting()).toBe(before);
    turns.received(1);
    turns.delivered();
    expect(waiting()).toBe(before + 1);
  });

  test("the clock returns one time during a turn", async () => {
    const turns = new Turn();
    turns.received(1);
    turns.delivered();
    const began = turns.now();
    while (Date.now() === began);
    expect(turns.now()).toBe(began);
    await nextTurn();
    expect(turns.now()).toBeGreaterThan(began);
  });
});
