import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { channel, command, events, json, query, queue, store, text } from "kubemq-es";

const any = json();

describe("a channel name with parameters", () => {
  test("a channel template makes the channel of its values, and reads the values from it", () => {
    const order = channel("orders.{id}.{step}");
    expect(order.for({ id: 7, step: "paid" })).toBe("orders.7.paid");
    expect(order.parse("orders.7.paid")).toEqual({ id: "7", step: "paid" });
    for (const other of ["orders.7", "orders.7.paid.twice", "invoices.7.paid", "orders..paid", ""]) {
      expect(order.parse(other)).toBeUndefined();
    }
    expect(channel("a.b|c").parse("axb|c")).toBeUndefined();
  });

  test("a channel template reads the values of every channel that it makes", () => {
    const names = ["{a}", "x.{a}.y.{b}", "order-{a}-{b}", "{a}{b}", "{a}.{b}-{c}", "a+{a}(x)"] as const;
    const value = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9-]{1,5}$/), fc.integer());
    fc.assert(
      fc.property(fc.constantFrom(...names), value, value, value, (name, a, b, c) => {
        const template = channel(name as "{a}{b}{c}");
        const used = Object.entries({ a, b, c }).filter(([key]) => name.includes(`{${key}}`));
        let made: string;
        try {
          made = template.for(Object.fromEntries(used) as { a: string; b: string; c: string });
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
          return;
        }
        expect(template.parse(made)).toEqual(Object.fromEntries(used.map(([key, one]) => [key, String(one)])));
        expect(made.split(".").length).toBe(name.split(".").length);
      }),
    );
  });

  test.each([
    ["a missing value", {}, /parameter "id" must be a non-empty string or a whole number, got undefined/],
    ["an empty value", { id: "" }, /parameter "id" must be a non-empty string/],
    ["a value with a dot", { id: "a.b" }, /parameter "id" must not contain "\."/],
    ["a value with a wildcard", { id: "*" }, /parameter "id" must not contain/],
    ["a value with a final wildcard", { id: ">" }, /parameter "id" must not contain/],
    ["a value with white space", { id: "a b" }, /parameter "id" must not contain/],
    ["a value with a control character", { id: "a\u0000" }, /parameter "id" must not contain/],
    ["a value without a parameter", { id: 1, region: "eu" }, /no parameter "region": the parameters are id/],
    ["a fraction", { id: 1.5 }, /parameter "id" must be .* whole number, got 1\.5/],
    ["a number that is not exact", { id: 2 ** 60 }, /parameter "id" must be .* whole number/],
  ])("refuses %s", (_, values, message) => {
    expect(() => channel("order-{id}").for(values as { id: string })).toThrow(message);
    expect(() => queue("order-{id}", any).for(values as { id: string })).toThrow(message);
  });

  test("a channel template refuses values that a receiver could not distinguish", () => {
    const range = channel("range-{from}-{to}");
    expect(range.parse(range.for({ from: 1, to: 2 }))).toEqual({ from: "1", to: "2" });
    expect(() => range.for({ from: "1", to: "2-3" })).toThrow(/would be read as .*: separate parameters by dots/);
  });

  test.each([
    ["order-{id", /braces must enclose the name of a parameter/],
    ["order-{}", /braces must enclose the name of a parameter/],
    ["order-{a b}", /braces must enclose the name of a parameter/],
    ["{id}.{id}", /parameter "id" must occur once/],
  ])("is refused when it is written as %s", (name, message) => {
    expect(() => channel(name)).toThrow(message);
    expect(() => events(name, any)).toThrow(message);
  });

  test("contracts share a channel template, and each checks the values by its own rules", () => {
    const name = channel("order-{id}");
    expect(events(name, any).for({ id: "a/b" }).name).toBe("order-a/b");
    expect(() => store(name, any).for({ id: "a/b" })).toThrow(/must not contain "\/"/);
    expect(() => queue(name, any).for({ id: "a:b" })).toThrow(/must not contain ":"/);
  });
});

describe("wildcards", () => {
  test("wildcards replace parameters that are whole parts of a name", () => {
    expect(events("orders.{id}.{step}", any).all.name).toBe("orders.*.*");
    expect(command("doors.{room}", { request: any }).all.name).toBe("doors.*");
    expect(query("prices.{region}.>", { request: any, response: any }).all.name).toBe("prices.*.>");
    const partial = events("order-{id}", any) as unknown as { all: unknown };
    expect(() => partial.all).toThrow(/a wildcard replaces a whole part between dots/);
    const jobs = queue("jobs.{region}", any) as unknown as { all: unknown };
    expect(() => jobs.all).toThrow(/queues have no wildcards/);
  });

  test("a template with parameters and wildcards makes contracts with the wildcards", () => {
    const template = events("orders.{id}.>", any);
    expect(template.for({ id: 7 }).name).toBe("orders.7.>");
    expect(template.parse("orders.7.paid.twice")).toEqual({ id: "7" });
  });

  test("wildcards are refused in queues and in the store", () => {
    const name: string = "a.*";
    expect(() => queue(name, any)).toThrow(/wildcards/);
    expect(() => store(name, any)).toThrow(/wildcards/);
  });
});

describe("a contract", () => {
  test("a contract is refused without a codec, and with a name that no server accepts", () => {
    const none = undefined as unknown as typeof text;
    expect(() => queue("mails", none)).toThrow(/the codec of queue must be a codec, such as json\(\)/);
    expect(() => query("price", { request: text, response: none })).toThrow(/response must be a codec/);
    for (const name of ["", "a b", "a.", 7 as unknown as string]) {
      expect(() => events(name, text)).toThrow(/^(channel|the channel name) must /);
    }
    expect(() => store("a..{id}", text)).toThrow(/empty parts/);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["a policy that no server accepts", () => queue("a", any, { delaySeconds: -1 }), /policy.delaySeconds must be/],
    ["a misspelt setting", () => queue("a", any, { delay: 1 } as object), /did you mean "policy.delaySeconds"/],
    [
      "a dead-letter queue with wildcards",
      () => queue("a-{b}", any, { deadLetter: { queue: "d.*", maxReceiveCount: 1 } }),
      /policy.deadLetter.queue must not contain the wildcards/,
    ],
    [
      "no codecs of a query",
      () => query("q", undefined as never),
      /takes its codecs as an object: { request, response }/,
    ],
    ["a codec as the codecs of a command", () => command("c", text as never), /unknown option "/],
    ["a misspelt codec", () => query("q", { request: text, respons: text } as never), /did you mean "response"/],
  ])("is refused when it is defined with %s", (_, define, message) => {
    expect(define).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
    );
  });

  test("a contract makes messages with every detail that the pattern allows", () => {
    const mails = queue("mails", text, { expirationSeconds: 60 });
    const message = { [Symbol.for("kubemq-es.contract-kind")]: "queues", channel: "mails", body: "hello", codec: text };
    expect(mails.message("hello")).toEqual({ ...message, policy: { expirationSeconds: 60 } });
    expect(mails.message("hello", { id: "1", tags: { a: "b" }, policy: { delaySeconds: 5 } })).toEqual({
      ...message,
      id: "1",
      tags: { a: "b" },
      policy: { expirationSeconds: 60, delaySeconds: 5 },
    });
    const misspelt = { tag: { a: "b" } } as unknown as { id: string };
    expect(() => mails.message("hello", misspelt)).toThrow(/unknown option "tag": did you mean "tags"\?/);
    expect(() => events("a", text).message("hello", misspelt)).toThrow(/unknown option/);
  });
});
