import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe.each(["browser", "neutral"] as const)("a bundle for the platform %s", (platform) => {
  test("a bundle of kubemq-es/codec contains neither the client nor modules of Node.js", async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ["src/payload/index.ts"],
      bundle: true,
      write: false,
      metafile: true,
      platform,
      format: "esm",
      logLevel: "silent",
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain("src/payload/json.ts");
    expect(inputs.filter((file) => !/^src\/(payload|api)\//.test(file))).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  });

  test("a bundle of kubemq-es/protobuf contains the codec and protobuf-es only", async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ["src/payload/protobuf.ts"],
      bundle: true,
      write: false,
      metafile: true,
      platform,
      mainFields: ["module", "main"],
      format: "esm",
      logLevel: "silent",
    });
    const allowed = /^(src\/(payload|api)|node_modules\/@bufbuild\/protobuf)\//;
    expect(Object.keys(metafile.inputs).filter((file) => !allowed.test(file))).toEqual([]);
    expect(Object.keys(metafile.inputs)).toContain("src/payload/protobuf.ts");
  });
});
