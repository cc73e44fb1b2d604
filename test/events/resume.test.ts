import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ResumeCursor } from "../../src/events/resume.js";
import type { Start } from "../../src/events/start.js";

const NOW = 1_700_000_000_000_000_000n;
const SECOND = 1_000_000_000n;

/** Feeds sequences with increasing timestamps, as one store would. */
function classify(cursor: ResumeCursor, ...sequences: bigint[]): string[] {
  return sequences.map((sequence) => cursor.classify(sequence, NOW + sequence).kind);
}

describe("the start position of an attempt", () => {
  const first: Start[] = [
    { from: "new" },
    { from: "first" },
    { from: "last" },
    { from: "sequence", sequence: 7n },
    { from: "time", nanos: 5n },
    { from: "timeDelta", seconds: 60 },
  ];
  test.each(first)("the first attempt starts as requested: $from", (start) => {
    expect(new ResumeCursor(start).begin(NOW)).toEqual(start);
  });

  test.each<[Start, Start]>([
    [{ from: "new" }, { from: "time", nanos: NOW }],
    [{ from: "first" }, { from: "first" }],
    [{ from: "last" }, { from: "last" }],
    [
      { from: "sequence", sequence: 7n },
      { from: "sequence", sequence: 7n },
    ],
    [
      { from: "time", nanos: 5n },
      { from: "time", nanos: 5n },
    ],
    [
      { from: "timeDelta", seconds: 60 },
      { from: "time", nanos: NOW - 60n * SECOND },
    ],
    [{ from: "timeDelta", seconds: 2 ** 31 - 1 }, { from: "first" }],
  ])("a later attempt without a received event keeps the time of the first: %j becomes %j", (start, again) => {
    const cursor = new ResumeCursor(start);
    cursor.begin(NOW);
    expect(cursor.begin(NOW + 99n * SECOND)).toEqual(again);
    expect(cursor.begin(NOW + 999n * SECOND)).toEqual(again);
  });

  test.each(first)(
    "an attempt after received events starts at the last one, and does not deliver it again: $from",
    (start) => {
      const cursor = new ResumeCursor(start);
      cursor.begin(NOW);
      classify(cursor, 7n, 8n);
      expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 8n });
      expect(classify(cursor, 8n, 9n)).toEqual(["repeated", "due"]);
    },
  );
});

describe("deduplication and gaps", () => {
  test("events are delivered in sequence, and duplicates once", () => {
    const cursor = new ResumeCursor({ from: "first" });
    cursor.begin(NOW);
    expect(classify(cursor, 4n, 5n, 5n, 4n, 6n)).toEqual(["due", "due", "repeated", "repeated", "due"]);
    expect(cursor.last?.sequence).toBe(6n);
  });

  test("a gap is fetched again before later events are accepted", () => {
    const cursor = new ResumeCursor({ from: "first" });
    cursor.begin(NOW);
    classify(cursor, 1n, 2n);
    expect(cursor.classify(5n, NOW + 5n)).toEqual({ kind: "gap", expected: 3n, received: 5n, lost: false });
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 3n });
    expect(classify(cursor, 3n, 4n, 5n)).toEqual(["due", "due", "due"]);
  });

  test("a gap that returns three times is reported, and the next gap is fetched again", () => {
    const cursor = new ResumeCursor({ from: "first" });
    cursor.begin(NOW);
    classify(cursor, 1n);
    const lost: unknown[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const judgement = cursor.classify(10n, NOW + 10n);
      lost.push(judgement.kind === "gap" && judgement.lost);
      cursor.begin(NOW);
    }
    expect(lost).toEqual([false, false, false, true]);
    expect(cursor.last?.sequence).toBe(10n);
    expect(cursor.classify(20n, NOW + 20n)).toMatchObject({ expected: 11n, lost: false });
  });

  test("a purged start sequence is treated as a gap", () => {
    const cursor = new ResumeCursor({ from: "sequence", sequence: 5n });
    cursor.begin(NOW);
    expect(cursor.classify(8n, NOW + 8n)).toEqual({ kind: "gap", expected: 5n, received: 8n, lost: false });
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 5n });
  });

  test("a start sequence beyond the end continues with the next event", () => {
    const cursor = new ResumeCursor({ from: "sequence", sequence: 100n });
    cursor.begin(NOW);
    expect(cursor.classify(11n, NOW + 11n)).toEqual({ kind: "gap", expected: 100n, received: 11n, lost: true });
    expect(classify(cursor, 12n)).toEqual(["due"]);
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 12n });
  });
});

describe("a restarted channel", () => {
  const atFive = () => {
    const cursor = new ResumeCursor({ from: "first" });
    cursor.begin(NOW);
    classify(cursor, 4n, 5n);
    return cursor;
  };

  test("a restarted channel is read from its first event when that arrives", () => {
    const cursor = atFive();
    cursor.begin(NOW);
    expect(cursor.classify(1n, NOW + 100n)).toEqual({ kind: "gap", expected: 6n, received: 1n, lost: true });
    expect(cursor.classify(2n, NOW + 101n)).toEqual({ kind: "due" });
  });

  test("a restarted channel is read from its first event when a later one arrives", () => {
    const cursor = atFive();
    cursor.begin(NOW);
    expect(cursor.classify(3n, NOW + 102n)).toEqual({ kind: "gap", expected: 6n, received: 3n, lost: false });
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 1n });
    expect([1n, 2n, 3n].map((n) => cursor.classify(n, NOW + 99n + n).kind)).toEqual(["due", "due", "due"]);
  });

  test("a restarted channel that has passed the last event is read from its first event", () => {
    const cursor = atFive();
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 5n });
    expect(cursor.classify(5n, NOW + 104n)).toEqual({ kind: "gap", expected: 6n, received: 5n, lost: false });
    expect(cursor.begin(NOW)).toEqual({ from: "sequence", sequence: 1n });
    const events = [1n, 2n, 3n, 4n, 5n, 6n].map((n) => cursor.classify(n, NOW + 99n + n).kind);
    expect(events).toEqual(["due", "due", "due", "due", "due", "due"]);
  });

  test("the last event may be gone when an attempt starts at it", () => {
    const cursor = atFive();
    cursor.begin(NOW);
    expect(classify(cursor, 6n, 7n)).toEqual(["due", "due"]);
  });

  test("a restarted channel is detected within an attempt by its timestamps", () => {
    const cursor = atFive();
    expect(cursor.classify(1n, NOW + 100n)).toMatchObject({ kind: "gap", received: 1n });
    expect(cursor.last?.sequence).toBe(1n);
  });

  test("a restarted channel does not deliver events again that were delivered before", () => {
    const cursor = atFive(); // the server lost 5, and gave the number to another event
    cursor.begin(NOW);
    expect(cursor.classify(5n, NOW + 50n)).toMatchObject({ kind: "gap", expected: 6n, received: 5n, lost: false });
    cursor.begin(NOW);
    expect(classify(cursor, 1n, 2n, 3n, 4n)).toEqual(["repeated", "repeated", "repeated", "repeated"]);
    expect(cursor.classify(5n, NOW + 50n)).toEqual({ kind: "due" });
  });

  test("a restarted channel on a server with a slow clock delivers every event", () => {
    const cursor = atFive();
    cursor.begin(NOW);
    expect(cursor.classify(1n, 10n)).toMatchObject({ kind: "gap", received: 1n, lost: true });
    expect(cursor.classify(2n, 11n)).toEqual({ kind: "due" });
  });
});

/**
 * A server with slow-consumer drops, lost connections and redeliveries: the loop must see 1, 2, 3,
 * … in any case.
 */
test("any sequence of dropped, lost and duplicated events is delivered without gaps or duplicates", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.constant("send" as const) },
    { weight: 2, arbitrary: fc.constant("drop" as const) },
    { weight: 1, arbitrary: fc.constantFrom("reconnect" as const, "repeat" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cursor = new ResumeCursor({ from: "first" });
      const seen: bigint[] = [];
      let next = 1n;
      const begin = () => {
        const start = cursor.begin(NOW);
        next = start.from === "sequence" ? start.sequence : 1n;
      };
      begin();
      let attemptHasSent = false;
      for (const action of steps) {
        if (action === "reconnect") {
          begin();
          attemptHasSent = false;
        } else if (action === "drop") {
          if (attemptHasSent) next += 1n; // the first event of an attempt is never dropped
        } else {
          const sequence = action === "repeat" && attemptHasSent && seen.length > 0 ? next - 1n : next++;
          const judgement = cursor.classify(sequence, NOW + sequence);
          attemptHasSent = true;
          if (judgement.kind === "due") seen.push(sequence);
          if (judgement.kind === "gap") {
            expect(judgement.lost).toBe(false);
            begin();
            attemptHasSent = false;
          }
        }
      }
      expect(seen).toEqual(seen.map((_, index) => BigInt(index + 1)));
    }),
    { numRuns: 1000 },
  );
});
