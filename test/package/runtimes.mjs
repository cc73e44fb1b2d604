// Bun, Deno, worker threads, bundlers, and the versions of Connect that users can have.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CPU = { x64: { bun: "x64-baseline", deno: "x64" }, arm64: { bun: "aarch64", deno: "arm64" } }[process.arch];
const BUN = `@oven/bun-linux-${CPU.bun}`;
const DENO = `@deno/linux-${CPU.deno}-glibc`;
/** The versions that docs/runtimes.md states. */
const RELEASES = { [BUN]: "1.4.5", [DENO]: "2.9.6" };
const GREETING = "Hello, Ada\ntrue ConnectError: [invalid_argument] who are you?\n";

/** The packages contain the programs themselves: nothing is downloaded by an install script. */
export function runtimes({ root, folder, npm, output, check, expected }) {
  npm(["install", "--no-save", "--ignore-scripts", ...Object.entries(RELEASES).map((release) => release.join("@"))]);
  const program = "out-5.4/program.js";
  writeFileSync(join(folder, "required.cjs"), `console.log(typeof require("kubemq-es").KubeMQClient.connect);`);
  const commands = {
    Bun: [join(folder, "node_modules", BUN, "bin/bun")],
    Deno: [join(folder, "node_modules", DENO, "deno"), "run", "--allow-all"],
  };
  for (const [name, [command, ...args]] of Object.entries(commands)) {
    const said = output(command, [...args, program]);
    check(`${name} runs the program, with the broker in the same process`, said.trim() === expected, said);
    const required = output(command, [...args, "required.cjs"]);
    check(`${name} requires the package from CommonJS`, required === "function\n", required);
  }

  const inWorker = `import { Worker } from "node:worker_threads"; new Worker(new URL("./${program}", import.meta.url));`;
  writeFileSync(join(folder, "in-worker.mjs"), inWorker);
  const worked = output(process.execPath, ["in-worker.mjs"]);
  check("a worker thread runs the program", worked.trim() === expected, worked);

  const bundlers = {
    esbuild: [
      join(root, "node_modules/.bin/esbuild"),
      [
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--minify",
        "--keep-names",
        "--outfile=bundled/esbuild.mjs",
        program,
      ],
    ],
    Vite: ["npx", ["vite", "build", "--logLevel=error", "--ssr", program, "--config", "vite.bundled.mjs"]],
  };
  writeFileSync(
    join(folder, "vite.bundled.mjs"),
    `export default { ssr: { noExternal: true, target: "node" }, build: { target: "node20", outDir: "bundled/vite", rolldownOptions: { output: { entryFileNames: "program.mjs" } } } };`,
  );
  const bundles = { esbuild: "bundled/esbuild.mjs", Vite: "bundled/vite/program.mjs" };
  for (const [name, [command, args]] of Object.entries(bundlers)) {
    const built = output(command, args);
    const said = output(process.execPath, [bundles[name]]);
    check(`the bundle of ${name} runs`, said.trim() === expected, `${built}\n${said}`);
  }
}

/** What npm installs for a user of kubemq-es/connect, on the oldest and on a newer Node.js. */
export function connectVersions({ root, tarball, compiler, npx, output, check }) {
  const cwd = mkdtempSync(join(tmpdir(), "kubemq-es-connect-"));
  try {
    for (const [node, range] of [
      ["20.19.0", "2.1.2"],
      ["20.19.0", "2"],
      ["24", "2"],
    ]) {
      const home = join(cwd, `${node}-${range}`);
      mkdirSync(home);
      writeFileSync(join(home, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
      const packages = [tarball, `@connectrpc/connect@${range}`, "@bufbuild/protobuf@2", "@types/node@20"].join(" ");
      const installed = npx(node, `npm install --no-audit --no-fund ${packages} 2>&1`, home);
      const lock = JSON.parse(readFileSync(join(home, "package-lock.json"), "utf8"));
      const copies = Object.keys(lock.packages).filter((path) => /(connect|protobuf)$/.test(path));
      const version = lock.packages["node_modules/@connectrpc/connect"].version;
      check(`Node.js ${node} installs without a warning`, !installed.includes("warn"), installed);
      check(`Node.js ${node} has one copy of Connect and protobuf-es`, copies.length === 2, copies.join());
      for (const path of ["examples/rpc/gen", "test/package/rpc.ts"]) {
        cpSync(join(root, path), join(home, path), { recursive: true });
      }
      const options = "--strict --skipLibCheck --module nodenext --target es2022 --lib es2023,esnext.disposable,dom";
      const typed = output(
        process.execPath,
        [compiler, ...options.split(" "), "--types", "node", "test/package/rpc.ts"],
        home,
      );
      check(`TypeScript compiles a service of Connect ${version}`, typed.trim() === "", typed);
      const said = npx(node, "node test/package/rpc.js", home);
      check(`Node.js ${node} calls a service of Connect ${version}`, said === GREETING, said);
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
