// The doc comments of all rooms: their examples compile, and they name the errors of every call.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { root } from "./program.js";

/** Names that examples use without a definition. An example can define one of them itself. */
const PRELUDE = `
import { createClient } from "@connectrpc/connect";
import { context } from "@opentelemetry/api";
import { z } from "zod";
import { KubeMQClient, forEachConcurrent, optionsFromEnv, type ProcessOptions, type RetryOptions } from "kubemq-es";
import { byContentType, cloudEvent, gzip, json, tagged, text } from "kubemq-es/codec";
import { kubemqTransport, serve } from "kubemq-es/connect";
import { channel, command, events, query, queue, store } from "kubemq-es/contracts";
import { contextOf, openTelemetry } from "kubemq-es/opentelemetry";
import { protobuf } from "kubemq-es/protobuf";
import { profiles, startBroker, type Broker } from "kubemq-es/testing";
import { GreetRequestSchema, GreetService } from "../examples/rpc/gen/greet/v1/greet_pb.js";

declare const client: KubeMQClient, broker: Broker;
declare const jobs: string[], paths: string[], readings: string[], report: unknown, tenant: string;
declare function work(...input: unknown[]): Promise<void>;
declare function insert(...input: unknown[]): Promise<void>;
declare function ship(order: unknown): Promise<void>;
declare function openDoor(name: string): Promise<void>;
declare function resize(image: Uint8Array): Promise<void>;
declare function deliver(mail: Mail): Promise<void>;
declare function priceOf(name: string): string;
declare function centsOf(name: string): number;

const Door = z.object({ open: z.boolean() });
const Entry = z.object({ account: z.string(), cents: z.number() });
const Mail = z.object({ to: z.string() });
const Order = z.object({ id: z.string(), total: z.number() });
const Price = z.object({ cents: z.number() });
type Mail = z.infer<typeof Mail>;
type Order = z.infer<typeof Order>;
declare const entry: z.infer<typeof Entry>, mail: Mail, order: Order;

const door = command("door", { request: json(Door) });
const ledger = store("ledger", json(Entry));
const mails = queue("mails", json(Mail));
const orderPlaced = events("orders.placed", json(Order));
const price = query("price", { request: text, response: json(Price) });
let balance = 0;
`;

const ROOMS = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => `src/${file.replaceAll("\\", "/")}`)
  .filter((file) => file.endsWith(".ts"));

/** The interfaces that users implement: their errors are the user's. */
const IMPLEMENTED_BY_USERS = ["src/api/codec.ts", "src/api/telemetry.ts"];

const sourceOf = (file: string) => readFileSync(join(root, file), "utf8");

/** The content of a doc comment, without its stars. */
const contentOf = (comment: string) => comment.replaceAll(/^ *\/?\*+(\/| |$)| *\*\/$/gm, "");

/** The content of each tag of this name in the doc comments of a file. */
function tagsIn(file: string, tag: string): string[] {
  const comments = sourceOf(file).match(/^ *\/\*\*[^]*?\*\//gm) ?? [];
  const parts = comments.flatMap((comment) => contentOf(comment).split(/(?<=^|\s)(?=@[a-z])/m));
  return parts.filter((part) => part.startsWith(`@${tag}`)).map((part) => part.slice(tag.length + 1).trim());
}

/** A program with every example in a function of its own, and the file of each line. */
function programOf(files: readonly string[]) {
  const lines = PRELUDE.split("\n").map((line) => ({ line, file: "the prelude" }));
  let examples = 0;
  for (const file of files) {
    for (const example of tagsIn(file, "example")) {
      // A function cannot export; a fence is not code.
      const code = example.replaceAll(/^export |^```(ts)?$/gm, "").split("\n");
      const body = [`export async function example${examples++}() {`, ...code, "}"];
      lines.push(...body.map((line) => ({ line, file })));
    }
  }
  return { lines, examples };
}

test("every example in a doc comment compiles", async () => {
  const { lines, examples } = programOf(ROOMS);
  expect(examples).toBe(ROOMS.flatMap((file) => sourceOf(file).match(/\* @example/g) ?? []).length);
  const folder = mkdtempSync(join(root, ".doc-comments-"));
  try {
    writeFileSync(join(folder, "examples.ts"), lines.map(({ line }) => line).join("\n"));
    const compilerOptions = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
    const config = { extends: "../tsconfig.json", include: [], files: ["examples.ts"], compilerOptions };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const said = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    const found = said.replaceAll(/^.*examples\.ts\((\d+),\d+\)/gm, (_, line: string) => {
      const at = lines[Number(line) - 1];
      return `${at?.file}, "${at?.line.trim()}"`;
    });
    expect(found).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("every @throws of a KubeMQError names codes that exist, and says when", () => {
  const table = /export type ErrorCode =([^;]+);/.exec(sourceOf("src/api/errors.ts"))?.[1] ?? "";
  const codes = new Set([...table.matchAll(/"(\w+)"/g)].map(([, code]) => code));
  expect(codes.size).toBeGreaterThan(10);
  const wrong = ROOMS.flatMap((file) =>
    tagsIn(file, "throws {KubeMQError}").flatMap((words) => {
      const named = words.match(/\b[A-Z][A-Z_]{4,}\b/g) ?? [];
      const saysWhen =
        /^[A-Z_]+((, | or )[A-Z_]+)*,? (with `issues`, )?(when|for|after|where|in|immediately|see)\s/.test(words);
      return saysWhen && named.every((code) => codes.has(code)) ? [] : [`${file}: ${words}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test("every method of the public interfaces that talks to a server names its errors", () => {
  const files = ROOMS.filter((file) => /^src\/(api\/|client\.ts)/.test(file) && !IMPLEMENTED_BY_USERS.includes(file));
  const METHOD =
    /(?: {2}\/\*\*((?:[^*]|\*(?!\/))*)\*\/\n)?^ {2}(?:static )?(?:async )?([a-z]\w*)(?:<[^(]*>)?\(([^;{}]|\{[^}]*\})*?\): (\w+)/gm;
  const methods = files.flatMap((file) =>
    [...sourceOf(file).matchAll(METHOD)].map(([, comment = "", name, , returned = ""]) => {
      return { file, name, comment: comment.replaceAll(/\s+\*\s+/g, " "), returned };
    }),
  );
  const talking = methods.filter(({ returned }) => /^(Promise|Service|\w*Subscription|\w*Publisher)$/.test(returned));
  expect(talking.length).toBeGreaterThan(60);
  const silent = talking.filter(({ comment }) => !/@throws \{KubeMQError\}|Never rejects/.test(comment));
  expect(silent.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
});
