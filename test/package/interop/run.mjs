// kubemq (PyPI) and kubemq-js (npm) exchange messages with the codecs of this package over the
// embedded broker, and events of the package `cloudevents` pass through them. Installs the packages
// into an empty folder and fails when that is not possible.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { fromJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { cloudEvent, gzip, json, KubeMQClient, query, queue, tagged } from "../../../src/index.ts";
import { startBroker } from "../../../src/broker/index.ts";
import { protobuf } from "../../../src/payload/protobuf.ts";

const PYTHON = ["kubemq==4.1.5"];
const NPM = ["kubemq-js@1.2.3", "cloudevents@10.0.0"];

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kubemq-es-interop-"));
const order = { id: 7, total: 99.5 };
const codecs = {
  json: json(),
  gzip: gzip(json()),
  protobuf: protobuf(StructSchema),
  typed: tagged(json(), { "nestjs:content-type": "application/json" }),
  cloudevent: cloudEvent(),
};
const values = {
  json: order,
  gzip: order,
  protobuf: fromJson(StructSchema, order),
  typed: order,
  cloudevent: {
    specversion: "1.0",
    id: "7",
    source: "/shop",
    type: "order.placed",
    datacontenttype: "application/json",
    data: order,
  },
};

let failures = 0;
function check(what, found, expected) {
  const holds = isDeepStrictEqual(found, expected);
  if (!holds) failures += 1;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds ? "" : `\n${JSON.stringify({ found, expected })}`}`);
}

const install = (command, args) =>
  execFileSync(command, args, { cwd: folder, timeout: 240_000, stdio: ["ignore", "ignore", "inherit"] });

/** Runs a program that says `ready`, then one line with what it received. */
async function peer(name, command, args, names, expected) {
  const child = spawn(command, [...args, broker.address], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const deadline = setTimeout(() => child.kill(), 60_000);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    check(`${name} sends`, (await lines.next()).value, "ready");
    for (const codec of names) {
      const [message] = await client.queues.receive(queue(`${name}.sends.${codec}`, codecs[codec]), { waitSeconds: 5 });
      check(`${name} sends ${codec}`, message?.value, values[codec]);
      await client.queues.send(queue(`${name}.receives.${codec}`, codecs[codec]), values[codec]);
    }
    const price = query(`${name}.answers`, { request: tagged(json(), { by: "kubemq-es" }), response: json() });
    const answer = await client.queries.send(price, { item: "chair" });
    check(`${name} answers`, answer.value, expected.answer);
    child.stdin.write("\n");
    check(`${name} receives, and asks`, JSON.parse((await lines.next()).value), expected.found);
    child.stdin.end("\n");
    await once(child, "close");
  } finally {
    clearTimeout(deadline);
    child.kill();
  }
}

const broker = await startBroker({ port: 0 });
const client = await KubeMQClient.connect({ address: broker.address });
try {
  install("python3", ["-m", "venv", "python"]);
  install("python/bin/pip", ["install", "--quiet", "--disable-pip-version-check", ...PYTHON]);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "peer", private: true, type: "module" }));
  install("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...NPM]);
  for (const file of ["peer.py", "peer.cjs", "cloudevents-types.ts"]) cpSync(join(here, file), join(folder, file));

  const asked = query("asked", {
    request: json(),
    response: tagged(json(), { "nestjs:content-type": "application/json" }),
  });
  const service = client.queries.handle(asked, ({ value }) => ({ ...value, asked: true }));
  await service.ready;
  const reply = { executed: true, value: { ...order, asked: true } };
  const typeTag = { "nestjs:content-type": "application/json" };

  await peer("python", "python/bin/python", ["peer.py"], Object.keys(codecs), {
    answer: { item: "chair", cents: 4950, by: "kubemq-es" },
    found: {
      json: order,
      gzip: order,
      protobuf: order,
      typed: { tags: typeTag, value: order },
      cloudevent: {
        tags: {
          ce_specversion: "1.0",
          ce_id: "7",
          ce_source: "/shop",
          ce_type: "order.placed",
          ce_datacontenttype: "application/json",
        },
        value: order,
      },
      asked: { ...reply, tags: typeTag },
    },
  });
  await peer("js", process.execPath, ["peer.cjs"], ["json", "gzip"], {
    answer: { item: "chair", cents: 4950 },
    found: { json: order, gzip: order, asked: reply },
  });

  const { CloudEvent } = createRequire(join(folder, "package.json"))("cloudevents");
  for (const data of [order, "text", Uint8Array.of(0, 255), null, undefined]) {
    const sent = new CloudEvent({
      type: "t",
      source: "/s",
      subject: "x",
      tenant: "blue",
      ...(data !== undefined && { data }),
    });
    await client.queues.send(queue("events", cloudEvent()), sent);
    const [message] = await client.queues.receive(queue("events", cloudEvent()), { waitSeconds: 5 });
    const received = new CloudEvent(message.value);
    check(`cloudevents with the data ${JSON.stringify(data)}`, received.data, data);
    const attributes = ({ id, type, source, subject, time, tenant }) => ({ id, type, source, subject, time, tenant });
    check("and its attributes", attributes(received), attributes(sent));
  }
  types();
  await service.close();
} finally {
  await client.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${failures === 0 ? "" : `${failures} `}${failures === 0 ? "all hold" : "failed"}`);
process.exitCode = failures === 0 ? 0 : 1;

/** The types of `cloudevents`, compiled with those of this package under its own settings. */
function types() {
  const paths = { "kubemq-es/codec": [join(root, "src/payload/index.ts")] };
  const compilerOptions = { paths, noEmit: true, types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions,
      include: ["cloudevents-types.ts"],
      exclude: [],
    }),
  );
  let said = "";
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (error) {
    said = `${error.message}\n${error.stdout ?? ""}`;
  }
  check("the types of cloudevents and of this package go into one another", said, "");
}
