import { deepEqual } from "node:assert/strict";
import { mock, test } from "node:test";
import { EXPECTED, everything } from "../fake-timers/everything.js";

await test("all patterns work on the mock timers of node:test", async () => {
  mock.timers.enable();
  deepEqual(await everything(), EXPECTED);
});
