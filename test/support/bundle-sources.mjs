// Bundles the sources for the tests. Every test file loads every module of its own again, and to find, compile and link
// 900 of them takes longer than most files' tests. A test imports a source by its path as always: it gets a short
// module that exports what a bundle contains, so that each class exists once.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Always the same, because jest keeps what it has transformed by its configuration. */
const folder = join(root, ".test-sources");

/** Where jest finds the modules: its moduleNameMapper. */
export const bundled = {
  "^kubemq-es$": "<rootDir>/.test-sources/src/index.mjs",
  "^kubemq-es/testing$": "<rootDir>/.test-sources/src/broker/index.mjs",
  "^kubemq-es/connect$": "<rootDir>/.test-sources/src/connect/index.mjs",
  "^kubemq-es/opentelemetry$": "<rootDir>/.test-sources/src/opentelemetry.mjs",
  "^kubemq-es/contracts$": "<rootDir>/.test-sources/src/contracts/index.mjs",
  "^kubemq-es/codec$": "<rootDir>/.test-sources/src/payload/index.mjs",
  "^kubemq-es/protobuf$": "<rootDir>/.test-sources/src/payload/protobuf.mjs",
  "^kubemq-es/gen$": "<rootDir>/.test-sources/gen/kubemq_pb.mjs",
  "^(?:\\.\\./)+((?:src|gen)/.*)\\.js$": "<rootDir>/.test-sources/$1.mjs",
  // All of them, so that a path that is not in `packages` is an error and not a second copy.
  "^(@bufbuild/protobuf|@connectrpc/connect|@connectrpc/connect-node)(/.*)?$":
    "<rootDir>/.test-sources/packages/$1$2.mjs",
};

/** What sources and tests import of these packages. */
const packages = [
  "@bufbuild/protobuf",
  "@bufbuild/protobuf/codegenv2",
  "@bufbuild/protobuf/wire",
  "@bufbuild/protobuf/wkt",
  "@connectrpc/connect",
  "@connectrpc/connect/protocol",
  "@connectrpc/connect/protocol-connect",
  "@connectrpc/connect/protocol-grpc",
  "@connectrpc/connect-node",
];

const sources = ["src", "gen"].flatMap((part) =>
  readdirSync(join(root, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length).replaceAll("\\", "/"))
    // A program: it runs when it is imported.
    .filter((path) => path !== "src/cli/main.ts"),
);

/**
 * The suite's second run, with KUBEMQ_ES_TRANSPORT=stock: every client on Connect's own transport,
 * the reference that ours is compared with.
 */
const stockTransport = {
  name: "stock-transport",
  setup({ onResolve }) {
    if (process.env["KUBEMQ_ES_TRANSPORT"] !== "stock") return;
    const path = join(root, "test/support/suite-transport.ts");
    onResolve({ filter: /^\.\.\/transport\/index\.js$/ }, () => ({ path }));
  },
};

/** Writes the modules to `.test-sources`. Only what has changed, because another run may read it. */
export async function bundleSources() {
  const modules = [
    ...sources.map((path) => ({ path, from: `./${path}`, to: path.replace(/\.ts$/, ".mjs"), part: partOf(path) })),
    ...packages.map((path) => ({ path, from: path, to: `packages/${path}.mjs`, part: "packages" })),
  ].map((module, at) => ({ ...module, name: `module${at}` }));
  const [files, namesOf] = await Promise.all([bundlesOf(modules), exportsOf()]);
  for (const { path, to, part, name } of modules) {
    const names = namesOf.get(path).map((one) => `export const ${one} = ${name}.${one};\n`);
    const bundlePath = posix.relative(dirname(to), `bundle/${part}.mjs`);
    files.set(to, `import { ${name} } from "./${bundlePath}";\n${names.join("")}`);
  }
  await Promise.all([...files].map(([path, content]) => update(join(folder, path), content)));
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const known = files.has(path.slice(folder.length + 1).replaceAll("\\", "/"));
    if (entry.isFile() && entry.name.endsWith(".mjs") && !known) await rm(path, { force: true });
  }
}

/** The bundle that contains a source: a test of the client alone loads neither the broker nor OpenTelemetry. */
function partOf(path) {
  const [, room] = /^src\/(broker|cli|connect|contracts|payload|opentelemetry|tracing)\b/.exec(path) ?? [];
  if (room === "tracing") return "opentelemetry";
  return room ?? (path.startsWith("src/") ? "client" : "gen");
}

/** A bundle of each part, and of what they share, by path. */
async function bundlesOf(modules) {
  const parts = [...new Set(modules.map(({ part }) => part))];
  const contentsOf = (name) =>
    modules
      .filter(({ part }) => part === name)
      .map(({ from, name }) => `export * as ${name} from "${from}";\n`)
      .join("");
  const partModules = {
    name: "parts",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^part:/ }, ({ path }) => ({ path: path.slice("part:".length), namespace: "part" }));
      onLoad({ filter: /./, namespace: "part" }, ({ path }) => ({ contents: contentsOf(path), resolveDir: root }));
    },
  };
  const { outputFiles } = await build({
    entryPoints: parts.map((part) => ({ in: `part:${part}`, out: `bundle/${part}` })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    chunkNames: "bundle/[hash]",
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    write: false,
    keepNames: true,
    external: ["@opentelemetry/*", "commander"],
    // The command line finds package.json from there.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(join(root, "src/cli/program.ts")).href) },
    plugins: [partModules, stockTransport],
    platform: "node",
    format: "esm",
    target: "node20.19",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "warning",
  });
  const pathIn = (path) => path.slice(folder.length + 1).replaceAll("\\", "/");
  return new Map(outputFiles.map(({ path, text }) => [pathIn(path), text]));
}

/** The names that each source and each package exports. */
async function exportsOf() {
  const { metafile } = await build({
    entryPoints: sources,
    outdir: folder,
    absWorkingDir: root,
    write: false,
    metafile: true,
    format: "esm",
    logLevel: "warning",
  });
  const names = new Map(Object.values(metafile.outputs).map((output) => [output.entryPoint, output.exports]));
  for (const path of packages) names.set(path, Object.keys(await import(path)));
  return names;
}

async function update(path, content) {
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before === content) return;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, content);
  await rename(`${path}.${process.pid}`, path);
}
