// The API reference: modules are called as users import them, names are grouped by pattern, and the
// pages of docs/ are called by their headings. Its build fails when a public name has no comment, and
// when an entry point (a function, or a method of the client or of one of its patterns) has no example.
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The name to import, by the source file of its entry point. Generated code has no reference. */
const modules = new Map(
  Object.entries(manifest.exports).flatMap(([path, target]) => {
    const source = /^\.\/dist\/(src\/.*)\.d\.ts$/.exec(target.types ?? "")?.[1];
    return source === undefined ? [] : [[`${source}.ts`, `${manifest.name}${path.slice(1)}`]];
  }),
);

/** The category of a name by its file; the first match counts. */
const CATEGORIES = [
  [
    /^src\/api\/(contracts\/)?events\.ts$/,
    ({ name }) => (/Store|StartPosition/.test(name) ? "Events store" : "Events"),
  ],
  [/^src\/api\/(queues\/|contracts\/queues)/, () => "Queues"],
  [/^src\/api\/(contracts\/)?requests\.ts$/, () => "Commands and queries"],
  [/^src\/(api\/contracts|contracts)\//, () => "Contracts"],
  [/^src\/api\/(codec|cloud-event)\.ts$|^src\/payload\//, () => "Payloads"],
  [/^src\/api\/errors\.ts$/, () => "Errors"],
  [/^src\/api\/(status|telemetry)\.ts$/, () => "Status and telemetry"],
  [/^src\/(api\/(message|subscription)|stream\/for-each)\.ts$/, () => "Messages and subscriptions"],
  [/^src\/(api\/|client\.ts|env\.ts)/, () => "Client and connection"],
  [/^src\/broker\/(faults|quirks|profile)\.ts$/, () => "Faults and profiles"],
  [/^src\/broker\//, () => "Broker"],
];

/** Interfaces and classes whose methods users call first. */
const ENTRY_TYPES = /^(KubeMQClient|\w+Client|Broker)$/;

/** Methods that need no example: the name and the signature say all. */
const OBVIOUS = new Set(["[asyncDispose]", "close", "stats", "channels", "setToken"]);

const sourceOf = (reflection) => reflection.sources?.[0]?.fullFileName?.replaceAll("\\", "/");
const fileOf = (reflection) => /\/((?:src|gen)\/.*)$/.exec(sourceOf(reflection) ?? "")?.[1] ?? "";

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.on("bootstrapEnd", () => app.options.setValue("entryPoints", [...modules.keys()]));

  app.converter.on("resolveBegin", ({ project }) => {
    for (const module of project.children ?? []) {
      const name = modules.get(fileOf(module));
      if (name === undefined) throw new Error(`${module.name} is no entry point of package.json`);
      module.name = name;
      for (const it of module.children ?? []) categorize(it);
    }
    for (const page of project.documents ?? []) page.name = headingOf(page) ?? page.name;
  });

  app.on("validateProject", (project) => {
    for (const it of Object.values(project.reflections)) {
      if (!it.isDeclaration() || it.isReference() || it.parent === undefined || it.parent.isProject()) continue;
      checkComment(app, it);
      checkExample(app, it);
    }
  });
}

function categorize(reflection) {
  const category = CATEGORIES.find(([files]) => files.test(fileOf(reflection)))?.[1](reflection);
  if (category === undefined) {
    if (reflection.parent.name === manifest.name)
      throw new Error(`${reflection.name} has no category: ${fileOf(reflection)}`);
    return;
  }
  const target = reflection.signatures?.[0] ?? reflection;
  target.comment?.blockTags.push({ tag: "@category", content: [{ kind: "text", text: category }] });
}

const headingOf = (page) => /^# (.*)$/m.exec(page.content.map(({ text }) => text).join(""))?.[1];

/**
 * Three kinds need no comment, because they are described elsewhere: members of an inline object type
 * (by the comment above it), members with a well-known symbol (by the language), and constructors (by
 * their class).
 */
function checkComment(app, it) {
  if (it.name.startsWith("__") || it.name.startsWith("[") || it.name === "constructor") return;
  if (it.parent.name.startsWith("__") || it.flags.isInherited) return;
  const signatures = [...(it.signatures ?? []), it.getSignature, it.type?.declaration?.signatures?.[0]];
  const described = it.hasComment() || signatures.some((signature) => signature?.hasComment());
  if (!described) app.logger.error(`${it.getFullName()} has no comment`);
}

function checkExample(app, it) {
  const method = it.signatures !== undefined && ENTRY_TYPES.test(it.parent.name) && !OBVIOUS.has(it.name);
  const exported = it.signatures !== undefined && [...modules.values()].includes(it.parent.name);
  if ((!method && !exported) || it.name === "constructor") return;
  const comments = [it.comment, ...it.signatures.map((signature) => signature.comment)];
  if (!comments.some((comment) => comment?.getTag("@example"))) app.logger.error(`${it.getFullName()} has no @example`);
}
