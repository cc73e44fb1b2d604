import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import {
  EventReceiveSchema,
  QueuesDownstreamRequestType,
  QueuesDownstreamResponseSchema,
  ReceiveQueueMessagesResponseSchema,
  ResultSchema,
} from "kubemq-es/gen";
import { matchMessage } from "./expectation.js";
import type { Json } from "./variables.js";
import { Variables } from "./variables.js";

const startedAt = BigInt(Date.now()) * 1_000_000n;

const contextOf = (variables: readonly (readonly [string, string])[] = []) => ({
  variables: new Variables(variables, () => BigInt(Date.now()) * 1_000_000n),
  startedAt,
});

const received = create(EventReceiveSchema, {
  EventID: "e1",
  Body: new TextEncoder().encode("body é"),
  Sequence: 7n,
  Timestamp: startedAt,
  Tags: { a: "1" },
});

// A comparison that detects nothing would pass every server.
describe("the comparison of recorded and actual messages", () => {
  const right: Json = {
    EventID: "e1",
    Body: "body é",
    Sequence: "${n}",
    Timestamp: { $ns: 0 },
    Tags: { a: "1" },
  };

  test("the comparison accepts a correct message", () => {
    expect(() => matchMessage(EventReceiveSchema, right, received, contextOf([["n", "7"]]))).not.toThrow();
  });

  test.each<[string, Json, RegExp]>([
    ["another text", { EventID: "e2" }, /EventReceive\.EventID: expected "e2", got "e1"/],
    ["other bytes", { Body: "body e" }, /Body/],
    ["another number", { Sequence: "${n+1}" }, /Sequence/],
    ["a time that is long past", { Timestamp: { $ns: -10 } }, /Timestamp/],
    ["another map", { Tags: { a: "1", b: "2" } }, /Tags/],
    ["a missing map", { Tags: {} }, /Tags/],
    ["a range", { Sequence: { $min: 8 } }, /Sequence/],
    ["a type", { EventID: { $type: "nuid" } }, /EventID/],
    ["none of several", { EventID: { $oneOf: ["a", { $prefix: "x" }] } }, /EventID/],
    ["the very thing that must not be", { EventID: { $not: "e1" } }, /EventID/],
    ["a bound value that differs", { EventID: { $bind: "n" } }, /EventID/],
    ["a message part", { $partial: { EventID: "e1", Channel: "ch" } }, /Channel/],
  ])("detects %s", (_, wrong, text) => {
    const part = wrong as Record<string, Json>;
    const expected = "$partial" in part ? wrong : { ...(right as object), ...part };
    expect(() => matchMessage(EventReceiveSchema, expected, received, contextOf([["n", "7"]]))).toThrow(text);
  });

  test("the comparison detects an unexpected field and an expected default", () => {
    const sent = create(ResultSchema, { EventID: "e", Sent: true });
    expect(() => matchMessage(ResultSchema, { EventID: "e" }, sent, contextOf())).toThrow(
      /Sent: expected "its default"/,
    );
    expect(() => matchMessage(ResultSchema, { EventID: "e", Sent: true, Error: "no" }, sent, contextOf())).toThrow(
      /Error/,
    );
    expect(() => matchMessage(ResultSchema, {}, undefined, contextOf())).not.toThrow();
  });

  test("the comparison pairs items in any order, and corrects a wrong pair", () => {
    const items = ["a", "b"].map((MessageID) => ({ MessageID, ClientID: "c" }));
    const response = create(ReceiveQueueMessagesResponseSchema, { Messages: items });
    const expectItems = (...ids: Json[]): Json => ({
      Messages: { $unordered: ids.map((MessageID) => ({ MessageID, ClientID: { $bind: "who" } })) },
    });
    const match = (expected: Json) => () =>
      matchMessage(ReceiveQueueMessagesResponseSchema, expected, response, contextOf());
    expect(match(expectItems("b", "a"))).not.toThrow();
    // The first pattern matches either item; only one choice leaves the other for the second.
    expect(match(expectItems({ $any: true }, "a"))).not.toThrow();
    expect(match(expectItems("a", "a"))).toThrow(/Messages/);
    expect(match(expectItems("a"))).toThrow(/Messages/);
  });

  test("the comparison reads enums by name and lists by template", () => {
    const response = create(QueuesDownstreamResponseSchema, {
      RequestTypeData: QueuesDownstreamRequestType.AckRange,
      ActiveOffsets: [1n, 2n, 3n],
    });
    const match = (expected: Json) => () =>
      matchMessage(QueuesDownstreamResponseSchema, expected, response, contextOf());
    const offsets = (count: number): Json => ({ $list: { count, item: "${i+1}" } });
    expect(match({ RequestTypeData: "AckRange", ActiveOffsets: offsets(3) })).not.toThrow();
    expect(match({ RequestTypeData: 3, ActiveOffsets: ["1", "2", "3"] })).not.toThrow();
    expect(match({ RequestTypeData: "AckAll", ActiveOffsets: offsets(3) })).toThrow(/RequestTypeData/);
    expect(match({ RequestTypeData: "AckRange", ActiveOffsets: offsets(4) })).toThrow(/length/);
  });
});
