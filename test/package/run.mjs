// The package as a user gets it: packed, installed into an empty project, measured, compiled
// against and run.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mapConcurrent } from "../docs/program.ts";
import { snippetsOf } from "../docs/snippets.ts";
import { recipes } from "./recipes.mjs";
import { connectVersions, runtimes } from "./runtimes.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "kubemq-es-package-"));
const COMPILERS = ["5.4", "5.9", "6", "7"];
const TYPE_TESTS = ["api", "contracts"];
const RUNTIMES = ["20", "22", "24", "26"];
/** What users of kubemq-es/opentelemetry, /connect, /protobuf and /gen install themselves. */
const OPTIONAL = ["@opentelemetry/api@1", "@connectrpc/connect@2.1.2", "@bufbuild/protobuf@2"];
/** The size of kubemq-js, measured after its own installation. */
const OTHER = { packages: 34, megabytes: 14.3 };
const EXPECTED = {
  program: ["event book 2", "stored 1n stored", "job work", "query TIMEOUT", "classes KubeMQClient KubeMQError"].join(
    "\n",
  ),
  raw: "service kubemq.kubemq orders",
};
const VITEST = `import { expect, test, vi } from "vitest";
import { EXPECTED, everything } from "./everything.js";

test("a client and a broker work while the fake timers of Vitest stand still", async () => {
  vi.useFakeTimers();
  expect(await everything()).toEqual(EXPECTED);
});
`;
const FIRST = "working on sweep the floor\n";

let failures = 0;
function check(what, holds, detail = "") {
  if (!holds) failures += 1;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds ? "" : `\n${detail}`}`);
}

/** The output of a program, or its error output when it failed. */
function output(command, args, cwd = folder) {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", timeout: 240_000, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return `failed: ${error.message}\n${error.stdout}\n${error.stderr}`;
  }
}
/** The output of a shell command with this version of Node.js. */
const npx = (version, command, cwd = folder) => output("npx", ["-y", "-p", `node@${version}`, "-c", command], cwd);
const npm = (args, cwd = folder) => output("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], cwd);

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;

try {
  // `prepack` builds.
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root, stdio: "ignore" });
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz")),
  );
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm(["install", tarball]);

  const { packages } = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8"));
  const names = Object.keys(packages).map((path) => path.slice("node_modules/".length));
  const megabytes = Number((sizeOf(join(folder, "node_modules")) / 1e6).toFixed(1));
  console.log(`installed: ${names.length} packages, ${megabytes} MB: ${names.join(", ")}`);
  check("fewer packages than kubemq-js", names.length < OTHER.packages);
  check("smaller than kubemq-js", megabytes < OTHER.megabytes);
  const said = /(\d+) packages and ([\d.]+) MB/.exec(readme) ?? [];
  check("the README tells the number of packages", Number(said[1]) === names.length, `it says ${said[1]}`);
  check("the README tells the size", Math.abs(Number(said[2]) - megabytes) <= 0.3, `it says ${said[2]}`);
  check("only the command line has a dependency", names.toSorted().join() === "commander,kubemq-es", names.join());
  checkFiles(join(folder, "node_modules/kubemq-es"));
  const loaded = loadedPackages();
  check("importing the client and the broker loads no module of a dependency", loaded === "", loaded);

  for (const name of Object.keys(EXPECTED)) cpSync(join(root, `test/package/${name}.ts`), join(folder, `${name}.ts`));
  for (const name of TYPE_TESTS) cpSync(join(root, `test/types/${name}.ts`), join(folder, `${name}.ts`));
  const aliases = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
  npm(["install", "--save-dev", "@types/node@20", ...aliases]);
  // Without the optional packages: every type that the package's own declarations need is included.
  for (const version of COMPILERS) compile(version, "program", "--skipLibCheck", "false");
  npm(["install", "--save-dev", ...OPTIONAL]);
  for (const version of COMPILERS) {
    // The tests of the public types; the tests of codecs need zod, whose types need TypeScript 5.5.
    for (const name of TYPE_TESTS) compile(version, name, "--skipLibCheck", "false");
    compile(version, "raw", "--skipLibCheck", "true"); // Connect's declarations need the DOM's, protobuf-es's need TypeScript 5.7
  }
  for (const version of RUNTIMES) {
    const files = Object.keys(EXPECTED).map((name) => `node out-${COMPILERS[0]}/${name}.js`);
    const said = npx(version, files.join(" && "));
    check(`Node.js ${version} runs the programs`, said.trim() === Object.values(EXPECTED).join("\n"), said);
  }
  writeFileSync(join(folder, "required.cjs"), `console.log(typeof require("kubemq-es").KubeMQClient.connect);`);
  for (const version of RUNTIMES) {
    const said = npx(version, "node required.cjs 2>&1");
    check(`Node.js ${version} requires the package from CommonJS`, said === "function\n", said);
  }
  npm(["install", "--save-dev", "vitest@4"]);
  writeFileSync(join(folder, "fake-timers.test.ts"), VITEST);
  cpSync(join(root, "test/fake-timers/everything.ts"), join(folder, "everything.ts"));
  // docs/testing.md says that nothing but the import changes.
  const forJest = readFileSync(join(root, "examples/testing.test.ts"), "utf8");
  writeFileSync(join(folder, "testing.test.ts"), forJest.replace("@jest/globals", "vitest"));
  const tested = output("npx", ["vitest", "run", "--reporter=json"]);
  check("works in Vitest, and on its fake timers", /"numPassedTests":2\b/.test(tested), tested);
  runtimes({ root, folder, npm, output, check, expected: EXPECTED.program });
  const compiler = join(folder, "node_modules/typescript-7/bin/tsc");
  connectVersions({ root, tarball, compiler, npx, output, check });
  await newcomer(tarball);
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

/** The notices are there, and so is every source that a source map refers to. */
function checkFiles(home) {
  const files = readdirSync(home, { recursive: true });
  check("the package has the notices of what it contains", files.includes("THIRD-PARTY-NOTICES.md"));
  const maps = files.filter((file) => file.endsWith(".map"));
  const missing = maps.flatMap((file) =>
    JSON.parse(readFileSync(join(home, file), "utf8"))
      .sources.map((source) => join(home, dirname(file), source))
      .filter((source) => !existsSync(source)),
  );
  check(
    "the package has source maps, with every source they refer to",
    maps.length > 0 && missing.length === 0,
    missing.join(),
  );
}

/** The modules of other packages that importing the client and the broker loads. */
function loadedPackages() {
  const hooks = `export async function load(url, context, next) {
    if (url.includes("/node_modules/") && !url.includes("/node_modules/kubemq-es/")) console.log(url);
    return next(url, context);
  }`;
  const code = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    await import("kubemq-es"); await import("kubemq-es/testing");`;
  writeFileSync(join(folder, "imports.mjs"), code);
  return output(process.execPath, ["imports.mjs"]).trim();
}

/** The README in an empty folder with one broker: every program unchanged, except for the port. */
async function newcomer(tarball) {
  const cwd = mkdtempSync(join(tmpdir(), "kubemq-es-newcomer-"));
  npm(["install", tarball, "tsx", "typescript@7", "@types/node@20"], cwd);
  const bin = (name) => join(cwd, "node_modules/.bin", name);
  const broker = spawn(bin("kubemq-es"), ["broker", "--port", "0"], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = await once(broker.stdout, "data");
    const address = String(line).trim().replace("listening on ", "");
    const programs = snippetsOf(readme).map(({ heading, line: at, code }, n) => {
      const file = n === 0 ? "first.mts" : `line-${at}.mts`;
      writeFileSync(join(cwd, file), code.replaceAll("localhost:50000", address));
      return { file, name: `the README's program of "${heading}", line ${at}` };
    });
    check("the README has a program for each pattern", programs.length > 5, `it has ${programs.length}`);

    const settings = { module: "nodenext", target: "es2022", lib: ["es2023", "esnext.disposable"], types: ["node"] };
    const told = Object.entries(settings).map(
      ([key, value]) => `"${key}": ${JSON.stringify(value).replace(",", ", ")}`,
    );
    check(
      "the README tells the compiler's settings",
      told.every((setting) => readme.includes(setting)),
      told.join(),
    );
    const compilerOptions = { strict: true, noEmit: true, ...settings };
    writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mts"] }));
    for (const compiler of COMPILERS) {
      const types = output(process.execPath, [join(folder, `node_modules/typescript-${compiler}/bin/tsc`), "-p", cwd]);
      check(`TypeScript ${compiler} checks the README's programs`, types.trim() === "", types);
    }

    await mapConcurrent(programs, 2, async ({ file, name }) => {
      const { code, said } = await ended(bin("tsx"), [file], cwd);
      const works = file === "first.mts" ? said.stdout === FIRST : said.stdout !== "";
      check(`${name} runs to its end`, code === 0 && said.stderr === "" && works, JSON.stringify(said));
    });
    const plain = output("npx", ["-y", "-p", "node@24", "node", "first.mts"], cwd);
    check("Node.js 24 runs the first one as it stands", plain === FIRST, plain);
    shell(cwd, address, bin("kubemq-es"));
    const compiler = join(folder, "node_modules/typescript-7/bin/tsc");
    recipes({ root, tarball, compiler, address, npm, output, check });
  } finally {
    broker.kill();
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** The shell commands of the README. */
function shell(cwd, address, command) {
  const env = { ...process.env, KUBEMQ_ADDRESS: address };
  const typed = `seq 3 | ${command} queues send jobs --lines && ${command} queues peek jobs --max 3 --jsonl`;
  const said = execFileSync("sh", ["-c", typed], { cwd, env, encoding: "utf8", timeout: 60_000 });
  check(
    "the command line sends what is piped in",
    ["1", "2", "3"].every((body) => said.includes(`"body":"${body}"`)),
    said,
  );
  const version = output(command, ["--version"], cwd).trim();
  check("the command tells its version", version === packedVersion(), version);
}

async function ended(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (said.stderr += text));
  const [code] = await once(child, "close");
  return { code, said };
}

function packedVersion() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}
