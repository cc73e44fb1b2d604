// Bundles the package: one file for each entry point, and one for what they share. Node.js spends
// most of an import on finding and linking modules, and the dependencies have 140 of them; the
// client therefore contains the parts of Connect and protobuf-es that it uses, and evaluates the
// descriptors of protobuf-es only when they are needed.
// Declarations are not bundled. `node scripts/bundle.mjs [FOLDER]` writes to FOLDER, by default
// dist/.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { build } from "esbuild";
import { withSources } from "./source-map.mjs";

const OWN_COPY = /^(@bufbuild\/protobuf|@connectrpc\/connect|@connectrpc\/connect-node)(\/|$)/;

/** Rooms whose users hold objects of a dependency: they import the installed package. */
const SHARES_WITH_USERS = /\/src\/(connect|payload)\//;

const outdir = process.argv[2] ?? "dist";
const options = {
  write: false,
  outbase: ".",
  outdir,
  chunkNames: "shared/[hash]",
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false, // the package contains src/ and gen/
  logLevel: "warning",
};

/** Leaves imports of other packages as they are, and includes those of `OWN_COPY`. */
const ownCopies = {
  name: "own-copies",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
      if (kind === "entry-point" || importer.includes("/node_modules/")) return undefined;
      return OWN_COPY.test(path) && !SHARES_WITH_USERS.test(importer) ? undefined : { path, external: true };
    });
  },
};

/**
 * Evaluates at its first call what a source returns from `() => eager`: esbuild wraps a module that
 * is required, instead of imported, in a function. The sources import it, as tests do.
 */
const lazyModules = {
  name: "lazy-modules",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /_lazy\.ts$|\/reflection\.ts$|\/transport\/response\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const [line, module] = /^import \* as eager from (".*");$/m.exec(source) ?? [];
      if (line === undefined || !source.includes("=> eager;")) throw new Error(`${path} has nothing to load later`);
      return { loader: "ts", contents: source.replace(line, "").replace("=> eager;", `=> require(${module});`) };
    });
    // Connect's error class uses protobuf-es for error details only.
    onResolve({ filter: /^@bufbuild\/protobuf$/ }, ({ importer }) =>
      importer.endsWith("/connect/dist/esm/connect-error.js") ? { path: importer, namespace: "later" } : undefined,
    );
    onLoad({ filter: /./, namespace: "later" }, ({ path }) => ({
      resolveDir: dirname(path),
      contents: ["create", "fromBinary"]
        .map((name) => `export const ${name} = (...args) => require("@bufbuild/protobuf").${name}(...args);`)
        .join("\n"),
    }));
  },
};

const client = await build({
  ...options,
  entryPoints: [
    "src/index.ts",
    "src/broker/index.ts",
    "src/connect/index.ts",
    "src/opentelemetry.ts",
    "src/contracts/index.ts",
    "src/payload/index.ts",
    "src/payload/protobuf.ts",
    "src/cli/main.ts",
  ],
  plugins: [lazyModules, ownCopies],
});
// The client has a copy of gen/ that uses its own protobuf-es.
const generated = await build({ ...options, entryPoints: ["gen/kubemq_pb.ts"], packages: "external" });

for (const { path, text } of [...client.outputFiles, ...generated.outputFiles]) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, path.endsWith(".js") ? withClassNames(text) : withSources(text, isPacked));
}

/** The sources of the dependencies are not in the package, so its maps do not refer to them. */
function isPacked(source) {
  return /^(\.\.\/)+(src|gen)\//.test(source);
}

/**
 * Restores the names of classes that refer to themselves: esbuild writes `Name = class _Name`, and
 * stack traces and `util.inspect` would show `_Name`. Its `keepNames` would wrap every closure, also on
 * the path of each message. Lines keep their numbers, so the source maps stay right line by line.
 */
function withClassNames(code) {
  const renamed = [...code.matchAll(/\b(\w+) = class _\1\b/g)].map(([, name]) => name);
  return renamed.reduce((restored, name) => restored.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name), code);
}
