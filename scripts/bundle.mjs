// The JavaScript of the package: one file for each entry point, and what they share. Node.js spends most of an import on finding and
// linking modules, and few files take a quarter off it. The declarations stay as they are, file by file.
// `node scripts/bundle.mjs [FOLDER]` writes to dist/, or to the folder.
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts", "src/broker/index.ts", "src/opentelemetry.ts", "src/cli/main.ts", "gen/kubemq_pb.ts"],
  outbase: ".",
  outdir: process.argv[2] ?? "dist",
  chunkNames: "shared/[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false, // the package has src/ and gen/
  logLevel: "warning",
});
