import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { promiseNames } from "../contract/promises/index.js";
import { promisesIn } from "../contract/table.js";

test("docs/servers.md has a row for each promise (npm run test:server -- --address host:port --write)", () => {
  const document = readFileSync(new URL("../../docs/servers.md", import.meta.url), "utf8");
  expect(promisesIn(document).sort()).toEqual(promiseNames().sort());
});
