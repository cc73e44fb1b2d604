import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "kubemq-es/testing";
import { QueryCache } from "../../src/broker/requests/query-cache.js";
import type { Answer } from "../../src/broker/requests/request-router.js";
import { Inboxes, RequestRouter } from "../../src/broker/requests/request-router.js";

function setUp() {
  const clock = new ManualClock();
  const inboxes = new Inboxes<string>();
  return { clock, inboxes, router: new RequestRouter<string, string>(clock, inboxes) };
}

// Answers settle promises, which run their reactions in the microtask queue.
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("RequestRouter", () => {
  test("the first answer to a request wins, and a second one is not delivered", async () => {
    const { router, inboxes, clock } = setUp();
    const requests: string[] = [];
    for (let i = 0; i < 2; i++) router.subscribe("a.*", "", (request) => requests.push(request) > 0);
    const { answer, copies } = router.ask("a.b", 1000, (inbox) => inbox);
    expect(copies).toBe(2);
    const [inbox = ""] = requests;
    expect(inbox).toMatch(/^_INBOX\.[0-9A-Za-z]{22}\.[0-9A-Za-z]{8}$/);
    expect([inboxes.answer(inbox, "one"), inboxes.answer(inbox, "two")]).toEqual([true, false]);
    expect(await answer).toEqual({ kind: "response", response: "one" });
    expect([inboxes.size, clock.timers]).toEqual([0, 0]);
  });

  test("an unanswered request takes its whole time, with and without responders", async () => {
    const { router, clock } = setUp();
    const answers: Answer<string>[] = [];
    void router.ask("nobody", 300, (inbox) => inbox).answer.then((answer) => answers.push(answer));
    clock.advance(299);
    await settled();
    expect(answers).toEqual([]);
    clock.advance(1);
    await settled();
    expect(answers).toEqual([{ kind: "timeout" }]);
  });

  test("every request of a random program ends once, as a plain model says", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("ask" as const), timeoutMs: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ do: fc.constant("answer" as const), at: fc.nat({ max: 8 }) }),
      fc.record({ do: fc.constant("abandon" as const), at: fc.nat({ max: 8 }) }),
      fc.record({ do: fc.constant("advance" as const), ms: fc.nat({ max: 12 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (program) => {
        const { router, inboxes, clock } = setUp();
        const asked: { inbox: string; dueAt: number; fate: string; seen: string[]; abandon: () => void }[] = [];
        let now = 0;
        for (const one of program) {
          if (one.do === "ask") {
            let name = "";
            const { answer, abandon } = router.ask("ch", one.timeoutMs, (inbox) => (name = inbox));
            const seen: string[] = [];
            void answer.then((end) => seen.push(end.kind === "timeout" ? "timeout" : end.response));
            asked.push({ inbox: name, dueAt: now + one.timeoutMs, fate: "", seen, abandon });
          } else if (one.do === "advance") {
            now += one.ms;
            clock.advance(one.ms);
            for (const entry of asked) if (entry.fate === "" && entry.dueAt <= now) entry.fate = "timeout";
          } else {
            const entry = asked[one.at];
            if (entry === undefined) continue;
            const open = entry.fate === "";
            if (one.do === "abandon") {
              entry.abandon();
              if (open) entry.fate = "abandoned";
            } else {
              expect(inboxes.answer(entry.inbox, `answer ${one.at}`)).toBe(open);
              if (open) entry.fate = `answer ${one.at}`;
            }
          }
        }
        await settled();
        for (const { fate, seen } of asked) {
          expect(seen).toEqual(fate === "" || fate === "abandoned" ? [] : [fate]);
        }
        const open = asked.filter(({ fate }) => fate === "").length;
        expect([inboxes.size, clock.timers]).toEqual([open, open]);
      }),
    );
  });
});

describe("the query cache", () => {
  test("the query cache returns an answer by channel and key until it expires", () => {
    const clock = new ManualClock();
    const cache = new QueryCache<string>(clock);
    cache.set("a", "key", 2, "old");
    cache.set("a", "key", 5, "one");
    cache.set("b", "key", 1, "two");
    expect([cache.get("a", "key"), cache.get("b", "key"), cache.get("c", "key")]).toEqual(["one", "two", undefined]);
    clock.advance(4999);
    expect([cache.get("a", "key"), cache.size]).toEqual(["one", 1]);
    clock.advance(1);
    expect([cache.get("a", "key"), cache.size, clock.timers]).toEqual([undefined, 0, 0]);
  });

  test("the query cache removes the oldest answer at its limit", () => {
    const clock = new ManualClock();
    const cache = new QueryCache<number>(clock);
    for (let i = 0; i < 10_001; i++) cache.set("a", String(i), 60, i);
    expect([cache.size, clock.timers]).toEqual([10_000, 10_000]);
    expect([cache.get("a", "0"), cache.get("a", "1")]).toEqual([undefined, 1]);
  });
});
