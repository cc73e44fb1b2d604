import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { EventSchema } from "kubemq-es/gen";

test("using and async dispose", async () => {
  const seen: string[] = [];
  {
    await using x = { [Symbol.asyncDispose]: async () => void seen.push("gone") };
    expect(x).toBeDefined();
  }
  expect(seen).toEqual(["gone"]);
  expect(toBinary(EventSchema, create(EventSchema, { Channel: "a" })).length).toBe(3);
});
