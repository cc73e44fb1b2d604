// The JavaScript of the package: one file for each entry point, and what they share. Node.js spends most of an import on finding and
// linking modules, and few files take a quarter off it. The declarations stay as they are, file by file.
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts", "src/broker/index.ts", "src/opentelemetry.ts", "src/cli/main.ts", "gen/kubemq_pb.ts"],
  outbase: ".",
  outdir: "dist",
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
