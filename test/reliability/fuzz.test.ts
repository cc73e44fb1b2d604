import { describe, expect, test } from "@jest/globals";
import { run } from "../support/run.js";

/** Short here; `npm run fuzz` does it 10,000 times. The seed is another one each day, and printed. */
const seed = Math.floor(Date.now() / 86_400_000);

describe("nothing a server sends can crash the process or hang a loop", () => {
  test("malformed frames, cut messages, wrong trailers, giant headers, random bytes: a typed error or a reconnect", async () => {
    const { code, signal, stdout, stderr } = await run("./fuzz.ts", ["400", String(seed)], 100_000);
    expect({ code, signal, stderr, stdout }).toMatchObject({ code: 0, signal: null, stderr: "" });
    const { outcomes, failures } = JSON.parse(stdout.split("\n")[0] ?? "{}") as {
      outcomes: Record<string, number>;
      failures: string[];
    };
    expect(failures).toEqual([]);
    // It did go wrong, in more ways than one.
    expect(Object.keys(outcomes).length).toBeGreaterThan(2);
    expect(outcomes["UNAVAILABLE"]).toBeGreaterThan(20);
  }, 110_000);

  test("a client that is closed out of a call that failed of too many headers: node:http2 survives it", async () => {
    const { code, signal, stdout } = await run("./header-flood.ts", [], 60_000);
    expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "done\n" });
  }, 70_000);
});
