import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Subjects, fanOut } from "../../src/broker/channels/subjects.js";

/** A plain implementation of the matching rules. */
function matchesPlainly(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  const open = wanted.at(-1) === ">";
  if (open ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  const fixed = open ? wanted.slice(0, -1) : wanted;
  return fixed.every((token, i) => token === "*" || token === tokens[i]);
}

const pattern = fc
  .array(fc.constantFrom("a", "b", "*", ">", "a*"), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join("."));
const subject = fc
  .array(fc.constantFrom("a", "b", "c", "a*"), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join("."));

const ascending = (a: number, b: number) => a - b;

describe("subject patterns", () => {
  test("subjects match like a plain implementation while subscribers are added and removed", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ do: fc.constant("add" as const), pattern, group: fc.constantFrom("", "g", "h") }),
            fc.record({ do: fc.constant("remove" as const), at: fc.nat({ max: 20 }) }),
            fc.record({ do: fc.constant("match" as const), subject }),
          ),
          { maxLength: 40, size: "max" },
        ),
        (program) => {
          const subjects = new Subjects<number>();
          const model: { pattern: string; group: string; id: number; remove: () => void }[] = [];
          let id = 0;
          for (const step of program) {
            if (step.do === "add") {
              const { pattern, group } = step;
              model.push({ pattern, group, id, remove: subjects.add(pattern, group, id) });
              id++;
            } else if (step.do === "remove") {
              const [gone] = model.splice(step.at, 1);
              gone?.remove();
              gone?.remove();
            } else {
              const found = subjects.match(step.subject);
              const hits = model.filter((entry) => matchesPlainly(entry.pattern, step.subject));
              const inGroup = (group: string) => hits.filter((hit) => hit.group === group).map((hit) => hit.id);
              expect([...found.alone].sort(ascending)).toEqual(inGroup("").sort(ascending));
              const groups = [inGroup("g"), inGroup("h")].filter((members) => members.length > 0);
              const sorted = (lists: readonly (readonly number[])[]) =>
                lists.map((list) => [...list].sort(ascending).join()).sort();
              expect(sorted(found.groups)).toEqual(sorted(groups));
            }
          }
        },
      ),
    );
  });

  test("a group receives one copy even if its members subscribed with different patterns", () => {
    const subjects = new Subjects<string>();
    for (const [pattern, name] of [
      ["foo.bar", "x"],
      ["foo.*", "y"],
      [">", "z"],
    ] as const) {
      subjects.add(pattern, "g", name);
    }
    subjects.add("foo.bar", "", "alone");
    const chosen = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const got: string[] = [];
      fanOut(subjects.match("foo.bar"), (to) => got.push(to));
      expect(got).toHaveLength(2);
      for (const name of got) chosen.set(name, (chosen.get(name) ?? 0) + 1);
    }
    expect(chosen.get("alone")).toBe(300);
    // Random: the chance that one of three is never chosen in 300 tries is below 1e-50.
    expect([...chosen.keys()].sort()).toEqual(["alone", "x", "y", "z"]);
  });

  test("removing every subscriber leaves no match", () => {
    const subjects = new Subjects<number>();
    const removals = ["a.b.c", "a.>", "a.*.c", ">", "a"].map((name, i) => subjects.add(name, "", i));
    expect(subjects.match("a.b.c").alone).toHaveLength(4);
    for (const remove of removals) remove();
    expect(subjects.match("a.b.c")).toEqual({ alone: [], groups: [] });
  });
});
