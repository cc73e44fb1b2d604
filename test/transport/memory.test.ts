import { expect, test } from "@jest/globals";
import { run } from "../support/run.js";

/** What a scenario of programs/memory.ts leaves in the memory of its process. */
async function leftBy(scenario: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run("memory.ts", [scenario]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

test("the memory of received messages is released while their stream stays open", async () => {
  const { bytes } = await leftBy("messages that are gone");
  expect(bytes).toBeLessThan(3_000_000); // of 40 MB
});

test("a retained small message does not retain its chunk", async () => {
  const { bytes, kept } = await leftBy("small messages that are kept");
  expect(kept).toBe(200);
  // Views would keep a chunk for each of them: all of the 4 MB. Copies share slabs of 8 KiB.
  expect(bytes).toBeLessThan(2_000_000);
});

test("a connection that ends before the server's first data is collected", async () => {
  const { errors, sessions } = await leftBy("connections that end before the first byte of the server");
  expect(errors).toEqual([expect.stringContaining("connection")]);
  expect(sessions).toBeLessThanOrEqual(10); // of 41
});

test("a decoded message can be collected while its stream is open", async () => {
  const { collected } = await leftBy("decoded messages while their stream is open");
  expect(collected).toBeGreaterThanOrEqual(45); // of 50
});
