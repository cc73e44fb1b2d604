import { expect, test } from "@jest/globals";
import { build } from "esbuild";
import { root } from "../docs/program.js";

test("a bundled file of contracts contains no client", async () => {
  const contents = `
    import { json } from "kubemq-es/codec";
    import { queue } from "kubemq-es/contracts";
    export const mails = queue("mails", json());`;
  const { metafile } = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    alias: {
      "kubemq-es/codec": `${root}src/payload/index.ts`,
      "kubemq-es/contracts": `${root}src/contracts/index.ts`,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    metafile: true,
  });
  const [output] = Object.values(metafile.outputs);
  const rooms = Object.entries(output?.inputs ?? {})
    .filter(([file, { bytesInOutput }]) => file.startsWith("src/") && bytesInOutput > 0)
    .map(([file]) => file.split("/")[1]);
  expect(new Set(rooms)).toEqual(new Set(["api", "contracts", "payload", "support"]));
  expect(output?.bytes).toBeLessThan(40_000);
});
