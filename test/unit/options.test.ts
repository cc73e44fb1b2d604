import { afterAll, describe, expect, test } from "@jest/globals";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { KubeMQClient, KubeMQError, type ClientOptions } from "kubemq-es";
import { DEFAULTS } from "../../src/support/defaults.js";
import { resolveOptions } from "../../src/connection/options.js";
import { pem, pemPath } from "../support/tls.js";

function refused(options: ClientOptions): string {
  let client: KubeMQClient;
  try {
    client = new KubeMQClient(options);
  } catch (error) {
    if (KubeMQError.is(error, "INVALID_ARGUMENT")) return error.message;
    throw error;
  }
  throw new Error(`accepted, for ${client.clientId}: ${JSON.stringify(options)}`);
}

/** A private key as `openssl pkcs8 -topk8` writes it. */
function encrypted(key: string, passphrase: string): string {
  return createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString();
}

describe("unknown options", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ adress: "broker:1" }, '"adress": did you mean "address"?'],
    [{ Address: "broker:1" }, '"Address": did you mean "address"?'],
    [{ url: "broker:1" }, '"url": did you mean "address"?'],
    [{ host: "broker" }, '"host": did you mean "address"?'],
    [{ clientID: "a" }, '"clientID": did you mean "clientId"?'],
    [{ token: "secret" }, '"token": did you mean "authToken"?'],
    [{ timeout: 5 }, '"timeout": did you mean "timeoutMs"?'],
    [{ maxMessageSize: 5 }, '"maxMessageSize": did you mean "maxMessageBytes"?'],
    [{ tls: { passPhrase: "x" } }, '"tls.passPhrase": did you mean "tls.passphrase"?'],
    [{ tls: { certificate: "x" } }, '"tls.certificate": did you mean "tls.cert"?'],
    [{ tls: { servername: "x" } }, '"tls.servername": did you mean "tls.serverName"?'],
    [{ keepalive: { interval: 5 } }, '"keepalive.interval": did you mean "keepalive.intervalMs"?'],
    [{ reconnect: { maxRetries: 5 } }, '"reconnect.maxRetries": the options are initialDelayMs, maxDelayMs'],
    [{ flowControl: { streamBites: 5 } }, '"flowControl.streamBites": did you mean "flowControl.streamBytes"?'],
    [{ colour: "red" }, '"colour": the options are address, addressOrder, clientId, storeClientId, authToken'],
  ])("%j", (options, says) => {
    expect(refused(options as ClientOptions)).toContain(`unknown option ${says}`);
  });

  test.each([
    ["broker:1", "options must be an object, as in new KubeMQClient({ address: "],
    [50_000, "options must be an object"],
    [null, "options must be an object"],
    [["broker:1"], "options must be an object, as in new KubeMQClient({ address: "],
  ])("options that are not an object are refused: %j", (options, says) => {
    expect(refused(options as unknown as ClientOptions)).toContain(says);
  });

  test.each([
    [{ tls: "ca.pem" }, "tls must be an object"],
    [{ keepalive: 5_000 }, "keepalive must be an object"],
    [{ reconnect: null }, "reconnect must be an object"],
    [{ flowControl: [1] }, "flowControl must be an object"],
  ])("settings that are not an object are refused: %j", (options, says) => {
    expect(refused(options as unknown as ClientOptions)).toContain(says);
  });

  test.each([
    "timeoutMs",
    "connectTimeoutMs",
    "maxMessageBytes",
    "address",
    "clientId",
    "keepalive.intervalMs",
    "keepalive.timeoutMs",
    "reconnect.initialDelayMs",
    "reconnect.maxDelayMs",
    "reconnect.jitter",
    "reconnect.maxAttempts",
    "reconnect.firstAttempts",
    "flowControl.streamBytes",
    "flowControl.connectionBytes",
  ])("null for %s is refused, and does not count as the default", (option) => {
    const [first = "", second] = option.split(".");
    const options = { [first]: second === undefined ? null : { [second]: null } };
    expect(refused(options as unknown as ClientOptions)).toContain(option);
  });

  test("no refusal of unknown options contains the token", () => {
    expect(refused({ tokn: "geheim" } as ClientOptions)).not.toContain("geheim");
    expect(refused("geheim" as unknown as ClientOptions)).not.toContain("geheim");
  });
});

describe("unknown options of subscriptions and handlers", () => {
  const client = new KubeMQClient({ address: "localhost:1" });
  const channel = "a";
  afterAll(() => client.close());

  test.each<[string, (options: object) => unknown, Record<string, unknown>, string]>([
    ["events", (options) => client.events.subscribe({ channel }, options), { concurrency: 2 }, "signal, reconnect"],
    ["events", (options) => client.events.subscribe({ channel }, options), { reconect: false }, "reconnect"],
    ["commands", (options) => client.commands.subscribe({ channel }, options), { unanswerd: "fail" }, "unanswered"],
    ["commands", (options) => client.commands.subscribe({ channel }, options), { onError() {} }, "signal, reconnect"],
    ["handle", (options) => client.commands.handle({ channel }, () => {}, options), { retry: {} }, "reconnect"],
    ["handle", (options) => client.queries.handle({ channel }, () => "", options), { unanswered: "fail" }, "signal"],
    ["process", (options) => client.queues.process({ channel }, () => {}, options), { retries: {} }, "onError, retry"],
    ["consume", (options) => client.queues.consume({ channel }, options), { drainTimeoutMs: 1 }, "signal, reconnect"],
  ])("%s refuses an option that it does not have", (_, call, options, hint) => {
    const name = `unknown option "${Object.keys(options)[0]}": `;
    expect(() => call(options)).toThrow(name);
    expect(() => call(options)).toThrow(hint);
  });
});

describe("default options", () => {
  test("resolving no options gives the defaults", () => {
    const { address, addressOrder, closeTimeoutMs, concurrency, drainTimeoutMs, ...others } = DEFAULTS;
    const { processDrainTimeoutMs, retryDelay, ...rest } = others;
    const resolved = resolveOptions();
    expect(resolved).toMatchObject({ ...rest, authToken: undefined, tls: undefined });
    expect(resolved.servers).toEqual([{ name: address, origin: `http://${address}`, host: "localhost", port: 50_000 }]);
    expect(addressOrder).toBe("listed");
    expect(resolved.clientId).toMatch(/^kubemq-es-[0-9a-f]{8}$/);
    expect({ closeTimeoutMs, concurrency, drainTimeoutMs, processDrainTimeoutMs, retryDelay }).toEqual({
      closeTimeoutMs: 5000,
      concurrency: 1,
      drainTimeoutMs: 5000,
      processDrainTimeoutMs: 30_000,
      retryDelay: { initialDelayMs: 100, maxDelayMs: 10_000, jitter: 0.5, maxAttempts: Infinity },
    });
  });

  test("the documented default of each option is the actual one", () => {
    const source = readFileSync(new URL("../../src/api/options.ts", import.meta.url), "utf8");
    const [, body = ""] = /export interface ClientOptions \{\n(.*?)\n\}/s.exec(source) ?? [];
    const documented = new Map<string, string>();
    for (const [, comment = "", name = ""] of body.matchAll(/\/\*\*(.*?)\*\/\s+(?:readonly )?(\w+)\?:/gs)) {
      const [, value] = /@default (.*)/s.exec(comment.replaceAll(/\n\s*\* ?/g, " ").trim()) ?? [];
      if (value !== undefined) documented.set(name, value.trim());
    }
    const spelled = (value: unknown): string =>
      typeof value === "object" && value !== null
        ? `{ ${Object.entries(value)
            .map(([key, inner]) => `${key}: ${spelled(inner)}`)
            .join(", ")} }`
        : typeof value === "string"
          ? JSON.stringify(value)
          : String(value);
    const {
      closeTimeoutMs,
      concurrency,
      maxMessageBytes,
      drainTimeoutMs,
      processDrainTimeoutMs,
      retryDelay,
      ...plain
    } = DEFAULTS;
    const expected = Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, spelled(value)]));
    expect(Object.fromEntries(documented)).toEqual({
      ...expected,
      maxMessageBytes: `${maxMessageBytes} (100 MiB, as servers have it)`,
      clientId: '"kubemq-es-" and 8 random characters',
      tls: "true for `https://`, else false",
    });
    const client = readFileSync(new URL("../../src/client.ts", import.meta.url), "utf8");
    expect(client).toContain(`\`timeoutMs\`: in milliseconds. @default ${closeTimeoutMs}`);
    const message = readFileSync(new URL("../../src/api/message.ts", import.meta.url), "utf8");
    expect(message).toMatch(new RegExp(`@default ${concurrency} \\*/\\s+readonly concurrency\\?:`));
    expect(message).toContain(`@default ${drainTimeoutMs} for requests, ${processDrainTimeoutMs} for queues`);
    const { maxAttempts, ...delay } = retryDelay; // attempts are an option of their own, unlimited by default
    expect(maxAttempts).toBe(Infinity);
    const queues = readFileSync(new URL("../../src/api/queues/requests.ts", import.meta.url), "utf8");
    expect(queues).toContain(`@default ${spelled(delay)}`);
  });

  test("setting one member of an option keeps the defaults of the others", () => {
    const resolved = resolveOptions({
      keepalive: { intervalMs: 1 },
      reconnect: { maxDelayMs: 500 },
      flowControl: { streamBytes: 65_535 },
    });
    expect(resolved.keepalive).toEqual({ ...DEFAULTS.keepalive, intervalMs: 1 });
    expect(resolved.reconnect).toEqual({ ...DEFAULTS.reconnect, maxDelayMs: 500 });
    expect(resolved.flowControl).toEqual({ ...DEFAULTS.flowControl, streamBytes: 65_535 });
    expect(resolveOptions({ keepalive: false, reconnect: false })).toMatchObject({
      keepalive: false,
      reconnect: false,
    });
  });

  test("an undefined option is treated as missing", () => {
    const nothing = { keepalive: { intervalMs: undefined }, reconnect: { maxDelayMs: undefined } };
    const resolved = resolveOptions(nothing);
    expect(resolved.keepalive).toEqual(DEFAULTS.keepalive);
    expect(resolved.reconnect).toEqual(DEFAULTS.reconnect);
  });
});

describe("the address option", () => {
  test.each([
    ["localhost", "http://localhost:50000"],
    ["broker.example", "http://broker.example:50000"],
    ["broker.example:80", "http://broker.example:80"],
    ["http://broker.example", "http://broker.example:50000"],
    ["http://broker.example:80/", "http://broker.example:80"],
    ["https://broker.example", "https://broker.example:50000"],
    ["https://broker.example:443", "https://broker.example:443"],
    ["[::1]:50001", "http://[::1]:50001"],
  ])("%s is %s", (address, origin) => {
    expect(resolveOptions({ address }).servers[0].origin).toBe(origin);
  });

  test.each([
    "",
    "broker.example:0",
    "broker.example:65536",
    "broker.example:port",
    "ftp://broker.example",
    "http://user@broker.example",
    "http://broker.example/path",
    "http://broker.example?query",
    "broker example",
    "http://",
    "::1",
    "broker.example:50000\n",
  ])("the address %j is refused", (address) => {
    expect(refused({ address })).toMatch(/^address must be /);
  });

  test("a bare remote address means plain text, and TLS with tls", () => {
    expect(resolveOptions({ address: "broker.example:1" }).servers[0].origin).toBe("http://broker.example:1");
    expect(resolveOptions({ address: "broker.example:1", tls: true }).servers[0].origin).toBe(
      "https://broker.example:1",
    );
  });

  test("a list keeps its order by default, and shares one time to connect", () => {
    const address = ["one:1", "two", "https://three:3"].map((one) => one.replace("https://", ""));
    const resolved = resolveOptions({ address });
    expect(resolved.servers.map(({ name }) => name)).toEqual(["one:1", "two:50000", "three:3"]);
    expect(resolved.connectTimeoutMs).toBe(3_333);
    expect(resolveOptions({ address, connectTimeoutMs: 5 }).connectTimeoutMs).toBe(5);
  });

  test("a list in random order has the same servers", () => {
    const address = ["a:1", "b:1", "c:1", "d:1"];
    const orders = new Set<string>();
    for (let run = 0; run < 200; run++) {
      const names = resolveOptions({ address, addressOrder: "random" }).servers.map(({ name }) => name);
      orders.add(names.join());
      expect(names.sort()).toEqual(address);
    }
    expect(orders.size).toBeGreaterThan(10);
  });

  test.each<[Partial<ClientOptions>, RegExp]>([
    [{ address: [] }, /^address is an empty list/],
    [{ address: ["a", "a:50000"] }, /^address lists a:50000 twice/],
    [{ address: ["a", "b c"] }, /^address must be /],
    [{ address: "a:1,b:2" }, /several servers are a list of strings/],
    [{ address: ["https://a", "b"] }, /all servers of a list must use TLS, or none/],
    [{ address: ["localhost", "b"], authToken: "t" }, /plain text to b/],
    [{ address: ["a", "b"], addressOrder: "best" as never }, /^addressOrder must be /],
  ])("the list %j is refused", (options, says) => {
    expect(refused(options)).toMatch(says);
  });
});

describe("contradictory options", () => {
  const [ca, cert, key] = [pem("ca"), pem("client"), pem("client-key")];
  const locked = encrypted(key, "right");

  test.each<[string, ClientOptions, RegExp]>([
    ["tls: false and https://", { address: "https://b.example", tls: false }, /tls is false/],
    ["tls and http://", { address: "http://b.example", tls: true }, /tls is set/],
    ["cert without key", { tls: { cert } }, /tls\.key is missing/],
    ["key without cert", { tls: { key } }, /tls\.cert is missing/],
    [
      "a path that is none",
      { tls: { ca: "/no/such/file.pem" } },
      /tls\.ca is neither PEM text nor a file that can be read: "\/no\/such\/file\.pem" \(ENOENT\)$/,
    ],
    [
      "a key that is no path",
      { tls: { cert, key: "MC4CAQAwBQYDK2Vw" } },
      /tls\.key is neither PEM text nor a file that can be read$/,
    ],
    [
      "a key of another certificate",
      { tls: { cert, key: pem("server-key") } },
      /^tls: certificates or key cannot be used/,
    ],
    [
      "bytes that are no PEM",
      { tls: { ca, cert: Buffer.from("-----BEGIN nothing"), key } },
      /^tls: certificates or key/,
    ],
    [
      "a token over plain text to elsewhere",
      { address: "b.example", authToken: "t" },
      /authToken would travel in plain/,
    ],
    ["an empty token", { authToken: "" }, /^authToken must be/],
    ["a token of two lines", { authToken: "a\nb" }, /^authToken must be/],
    ["an empty client id", { clientId: "" }, /^clientId may have/],
    ["a client id with a dot", { clientId: "a.b" }, /^clientId may have/],
    ["a time-out of 0", { timeoutMs: 0 }, /^timeoutMs must be above 0/],
    ["a time-out that is none", { timeoutMs: Number.NaN }, /^timeoutMs must be above 0/],
    ["an endless time-out", { timeoutMs: Infinity }, /^timeoutMs must be above 0 and at most 2147483647/],
    ["a negative connect time-out", { connectTimeoutMs: -1 }, /^connectTimeoutMs must be/],
    ["an interval of 0", { keepalive: { intervalMs: 0 } }, /^keepalive\.intervalMs must be/],
    ["an endless liveness time-out", { keepalive: { timeoutMs: Infinity } }, /^keepalive\.timeoutMs must be/],
    ["a delay of 0", { reconnect: { initialDelayMs: 0 } }, /^reconnect\.initialDelayMs must be/],
    ["a negative cap", { reconnect: { maxDelayMs: -1 } }, /^reconnect\.maxDelayMs must be/],
    ["a cap below the first delay", { reconnect: { initialDelayMs: 2, maxDelayMs: 1 } }, /must not be above/],
    ["a jitter above 1", { reconnect: { jitter: 1.1 } }, /^reconnect\.jitter must be/],
    ["no attempts", { reconnect: { maxAttempts: 0 } }, /^reconnect\.maxAttempts must be/],
    ["a small window", { flowControl: { streamBytes: 65_534 } }, /^flowControl\.streamBytes must be/],
    ["a large window", { flowControl: { connectionBytes: 2 ** 31 } }, /^flowControl\.connectionBytes must be/],
    ["a passphrase without a key", { tls: { passphrase: "x" } }, /^tls\.passphrase is set without tls\.key/],
    ["a wrong passphrase", { tls: { cert, key: locked, passphrase: "wrong" } }, /^tls: certificates or key cannot/],
    ["messages of nothing", { maxMessageBytes: 0 }, /^maxMessageBytes must be/],
  ])("%s", (_, options, message) => {
    expect(refused(options)).toMatch(message);
  });

  test("consistent options that resemble contradictions are accepted", () => {
    const sound: ClientOptions[] = [
      { address: "https://b.example", authToken: "t" },
      { address: "http://b.example", authToken: "t" },
      { address: "b.example", tls: false, authToken: "t" },
      { address: "127.0.0.1:1", authToken: "t" },
      { tls: { ca: pemPath("ca"), cert: pemPath("client"), key: pemPath("client-key") } },
      { tls: { ca: Buffer.from(ca), cert: Buffer.from(cert), key } },
      { tls: { cert, key: locked, passphrase: "right" } },
    ];
    for (const options of sound) expect(() => new KubeMQClient(options)).not.toThrow();
  });

  test("no refusal contains the token", () => {
    expect(refused({ authToken: "geheim\n" })).not.toContain("geheim");
    expect(refused({ address: "b.example", authToken: "geheim" })).not.toContain("geheim");
  });
});
