import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker, type Broker } from "kubemq-es/testing";
import { pem, pemPath } from "../support/tls.js";
import { run } from "./support.js";

let folder: string;
let guarded: Broker;
let secure: Broker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kubemq-es-"));
  [guarded, secure] = await Promise.all([
    startBroker({ token: "secret" }),
    startBroker({ cert: pem("server"), key: pem("server-key") }),
  ]);
  await copyFile(pemPath("ca"), join(folder, "own-ca.pem"));
});
afterAll(async () => {
  await Promise.all([guarded.close(), secure.close()]);
  await rm(folder, { recursive: true });
});

async function config(content: unknown, mode = 0o600): Promise<string> {
  const file = join(folder, "servers.json");
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  await chmod(file, mode);
  return file;
}

const servers = () => ({
  servers: {
    guarded: { address: guarded.address, authToken: "secret", clientId: "me" },
    secure: { address: `https://localhost:${secure.port}`, tls: { ca: "own-ca.pem" } },
    wrong: { adress: "x" },
  },
});

describe("--server", () => {
  test("the option --server takes the options of a server from the file, with paths relative to the file", async () => {
    const file = await config(servers());
    for (const name of ["guarded", "secure"]) {
      expect(await run(["queues", "info", "--server", name, "--config", file])).toMatchObject({ code: 0, stderr: "" });
    }
  });

  test("the option --server does not send the token of the environment to a server of the file", async () => {
    const file = await config({ servers: { guarded: { address: guarded.address } } });
    const env = { KUBEMQ_ADDRESS: guarded.address, KUBEMQ_AUTH_TOKEN: "secret" };
    const screen = { columns: 80, rows: 24, env };
    expect((await run(["queues", "info"], "", screen)).code).toBe(0);
    expect((await run(["queues", "info", "--server", "guarded", "--config", file], "", screen)).code).toBe(5);
  });

  test("the option --server reads the file of the user by default", async () => {
    await mkdir(join(folder, "kubemq-es"));
    await writeFile(
      join(folder, "kubemq-es", "config.json"),
      JSON.stringify({ servers: { mine: { address: "a:1" } } }),
    );
    const screen = { columns: 80, rows: 24, env: { XDG_CONFIG_HOME: folder, NO_COLOR: "1" } };
    expect((await run(["servers"], "", screen)).stdout).toBe(
      "SERVER  ADDRESS  CLIENT ID  TOKEN\nmine    a:1                 no\n",
    );
  });

  test("servers lists them without their tokens, and warns of a file that others can read", async () => {
    const file = await config(servers(), 0o644);
    const { stdout, stderr } = await run(["servers", "--config", file, "--jsonl"]);
    expect(stdout.split("\n")[0]).toBe(
      JSON.stringify({ name: "guarded", address: guarded.address, clientId: "me", token: true }),
    );
    expect(stdout).not.toContain("secret");
    expect(stderr).toBe(`kubemq-es: ${file} has a token and can be read by others: chmod 600 it\n`);
  });

  test.each<[string, unknown, string[], string]>([
    ["an unknown server", { servers: { a: {}, b: {} } }, ["--server", "c"], "has no server c; it has a, b"],
    ["an unknown option", { servers: { a: { adress: "x" } } }, ["--server", "a"], "adress"],
    ["no JSON", "servers:", ["--server", "a"], "it is not JSON"],
    ["no servers", {}, ["--server", "a"], 'it has no "servers"'],
    ["a server that is no object", { servers: { a: 1 } }, ["--server", "a"], "the server a is not an object"],
    ["--address with it", { servers: { a: {} } }, ["--server", "a", "--address", "b:1"], "exclude each other"],
  ])("refuses %s", async (_, content, args, why) => {
    const { code, stderr } = await run(["ping", "--config", await config(content), ...args]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
  });

  test("the option --server refuses a file that does not exist", async () => {
    const { code, stderr } = await run(["servers", "--config", join(folder, "none.json")]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("no such file; create it, the format is"),
    });
  });
});

describe("completion", () => {
  test("bash completes commands, options, arguments and values", async () => {
    const { stdout: script } = await run(["completion", "bash"]);
    const lines = [
      "queues s",
      "queues send --tls-c",
      "channels list ev",
      "broker --profile com",
      "events publish events ",
    ];
    const complete = lines.map(
      (line) => `read -ra COMP_WORDS <<< 'kubemq-es ${line}'; [[ '${line}' == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); COMPREPLY=(); _kubemq_es; echo "\${COMPREPLY[*]}"`,
    );
    const bash = await promisify(execFile)("bash", ["--norc", "-c", [script, ...complete].join("\n")]);
    const [commands, options, kinds, profiles, publish] = bash.stdout.split("\n");
    expect([commands, options, kinds, profiles]).toEqual([
      "send",
      "--tls-ca --tls-cert",
      "events events-store",
      "community",
    ]);
    expect(publish).toContain("--lines");
  });

  test.each(["bash", "zsh", "fish"])("the script for %s has every command", async (shell) => {
    const { code, stdout } = await run(["completion", shell]);
    expect(code).toBe(0);
    for (const command of ["queues", "watch", "events-store", "replay", "doctor", "completion"]) {
      expect(stdout).toContain(command);
    }
  });
});
