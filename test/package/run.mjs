// The package as a user gets it: packed, installed into an empty project, measured, compiled against and run.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kubemq-es-package-"));
const COMPILERS = ["5.4", "5.9", "6", "7"];
const RUNTIMES = ["20", "22", "24", "26"];
/** What kubemq-js brings, as its own installation was measured. */
const OTHER = { packages: 34, megabytes: 14.3 };
const EXPECTED = {
  program: ["event book 2", "stored 1n stored", "job work", "query TIMEOUT"].join("\n"),
  raw: "service kubemq.kubemq orders",
};

let failures = 0;
function check(what, holds, detail = "") {
  if (!holds) failures += 1;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds ? "" : `\n${detail}`}`);
}

/** The output of a program, or what it said when it failed. */
function output(command, args, cwd = folder) {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", timeout: 240_000, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return `failed: ${error.message}\n${error.stdout}\n${error.stderr}`;
  }
}
const npm = (...args) => output("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"]);

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;

try {
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm("install", join(folder, packed.filename));

  const { packages } = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8"));
  const names = Object.keys(packages).map((path) => path.slice("node_modules/".length));
  const megabytes = Number((sizeOf(join(folder, "node_modules")) / 1e6).toFixed(1));
  console.log(`installed: ${names.length} packages, ${megabytes} MB: ${names.join(", ")}`);
  check("fewer packages than kubemq-js", names.length < OTHER.packages);
  check("smaller than kubemq-js", megabytes < OTHER.megabytes);
  const said = /(\d+) packages and ([\d.]+) MB/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  check("the README tells the number of packages", Number(said[1]) === names.length, `it says ${said[1]}`);
  check("the README tells the size", Math.abs(Number(said[2]) - megabytes) <= 0.3, `it says ${said[2]}`);
  check("OpenTelemetry is not installed", !names.includes("@opentelemetry/api"));
  check("only the command line loads its parser", !loadsCommander());

  for (const name of Object.keys(EXPECTED)) cpSync(join(root, `test/package/${name}.ts`), join(folder, `${name}.ts`));
  const aliases = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
  npm("install", "--save-dev", "@types/node@20", ...aliases);
  for (const version of COMPILERS) {
    compile(version, "program", "--skipLibCheck", "false"); // every type that this package's own declarations need is there
    compile(version, "raw", "--skipLibCheck", "true"); // Connect's declarations want the DOM's, protobuf-es's TypeScript 5.7
  }
  for (const version of RUNTIMES) {
    for (const [name, expected] of Object.entries(EXPECTED)) {
      const said = output("npx", ["-y", "-p", `node@${version}`, "node", `out-${COMPILERS[0]}/${name}.js`]);
      check(`Node.js ${version} runs ${name}.js`, said.trim() === expected, said);
    }
  }
  await firstProgram();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

function compile(version, name, ...more) {
  const out = `out-${version}`;
  mkdirSync(join(folder, out), { recursive: true });
  const options = "--strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --module nodenext --target es2022";
  const libraries = ["--lib", "es2023,esnext.disposable", "--types", "node", ...more];
  const tsc = join(folder, `node_modules/typescript-${version}/bin/tsc`);
  const said = output(process.execPath, [tsc, ...options.split(" "), ...libraries, "--outDir", out, `${name}.ts`]);
  check(`TypeScript ${version} compiles ${name}.ts`, said.trim() === "", said);
}

/** Whether importing the client and the broker loads what only the command line needs. */
function loadsCommander() {
  const hooks = `export async function load(url, context, next) { if (url.includes("/commander/")) console.log("loaded"); return next(url, context); }`;
  const code = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    await import("kubemq-es"); await import("kubemq-es/testing");`;
  writeFileSync(join(folder, "imports.mjs"), code);
  return output(process.execPath, ["imports.mjs"]).trim() !== "";
}

/** The README's first program as it stands, on a broker started with the installed command. */
async function firstProgram() {
  const broker = spawn("node_modules/.bin/kubemq-es", ["broker", "--port", "0"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await once(broker.stdout, "data");
    const address = String(line).trim().replace("listening on ", "");
    const [, program = ""] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
    writeFileSync(join(folder, "first.ts"), program.replace("localhost:50000", address));
    const tsc = join(folder, "node_modules/typescript-7/bin/tsc");
    const options = "--strict --module nodenext --target es2022 --lib es2023,esnext.disposable --types node";
    output(process.execPath, [tsc, ...options.split(" "), "first.ts"]);
    const said = output(process.execPath, ["first.js"]);
    check("the README's first program works", said === "working on sweep the floor\n", said);
    const version = output("node_modules/.bin/kubemq-es", ["--version"]).trim();
    check("the command tells its version", version === packedVersion(), version);
  } finally {
    broker.kill();
  }
}

function packedVersion() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}
