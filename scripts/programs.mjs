// Compiles TypeScript programs that tests run in separate processes: a compiled program starts
// three times as fast as with tsx. `node scripts/programs.mjs FOLDER FILE...` writes each FILE to
// FOLDER, at its path from the root.
import { readFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * Keeps the source's URL in `import.meta.url`, so that a compiled program finds the files beside
 * its source.
 */
const sourceUrls = {
  name: "source-urls",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\](test|examples)[/\\].*\.ts$/ }, async ({ path }) => {
      const contents = await readFile(path, "utf8");
      return {
        contents: contents.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
        loader: "ts",
      };
    });
  },
};

export async function compilePrograms(folder, files) {
  await build({
    entryPoints: files,
    outbase: root,
    outdir: folder,
    chunkNames: "shared/[hash]",
    alias: {
      "kubemq-es": `${root}src/index.ts`,
      "kubemq-es/testing": `${root}src/broker/index.ts`,
      "kubemq-es/connect": `${root}src/connect/index.ts`,
      "kubemq-es/opentelemetry": `${root}src/opentelemetry.ts`,
      "kubemq-es/contracts": `${root}src/contracts/index.ts`,
      "kubemq-es/codec": `${root}src/payload/index.ts`,
      "kubemq-es/protobuf": `${root}src/payload/protobuf.ts`,
      "kubemq-es/gen": `${root}gen/kubemq_pb.ts`,
    },
    bundle: true,
    splitting: true,
    // Dependencies, too: most of what is left of the start is finding and linking their modules.
    external: ["@opentelemetry/*"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    platform: "node",
    format: "esm",
    target: "node20.19",
    plugins: [sourceUrls],
    logLevel: "warning",
  });
}

const [, script, folder, ...files] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) await compilePrograms(folder, files);
