import { describe, expect, test } from "@jest/globals";
import { type Environment, KubeMQClient, KubeMQError, optionsFromEnv } from "kubemq-es";
import { pemPath as path } from "../support/tls.js";

function refusal(env: Environment): string {
  try {
    optionsFromEnv(env);
  } catch (error) {
    if (KubeMQError.is(error, "INVALID_ARGUMENT")) return error.message;
    throw error;
  }
  throw new Error("not refused");
}

describe("options from the environment", () => {
  test.each<[Environment, ReturnType<typeof optionsFromEnv>]>([
    [{}, {}],
    [{ KUBEMQ_ADDRESS: " ", KUBEMQ_CLIENT_ID: "", KUBEMQ_TLS: undefined, KUBEMQ_TOKEN: "the licence" }, {}],
    [{ KUBEMQ_ADDRESS: "a:1" }, { address: "a:1" }],
    [{ KUBEMQ_ADDRESS: "a:1, b:2" }, { address: ["a:1", "b:2"] }],
    [{ KUBEMQ_ADDRESS: "a:1, b:2, " }, { address: ["a:1", "b:2"] }],
    [{ KUBEMQ_ADDRESS: "a:1," }, { address: "a:1" }],
    [{ KUBEMQ_ADDRESS: "kubemq://a:1" }, { address: "a:1" }],
    [{ KUBEMQ_ADDRESS: "kubemq+tls://a:1" }, { address: "https://a:1" }],
    [
      { KUBEMQ_CLIENT_ID: "me", KUBEMQ_AUTH_TOKEN: "t", KUBEMQ_TIMEOUT: "50" },
      { clientId: "me", authToken: "t", timeoutMs: 50 },
    ],
    [{ KUBEMQ_TLS_ENABLED: "True" }, { tls: true }],
    [{ KUBEMQ_TLS: "0" }, { tls: false }],
    [{ KUBEMQ_TLS_ENABLED: "false", KUBEMQ_TLS: "1" }, { tls: false }],
    [
      { KUBEMQ_TLS_CA_FILE: path("ca"), KUBEMQ_TLS_SERVER_NAME: "broker" },
      { tls: { ca: path("ca"), serverName: "broker" } },
    ],
    [
      { KUBEMQ_TLS: "1", KUBEMQ_TLS_CERT_FILE: path("client"), KUBEMQ_TLS_KEY_FILE: path("client-key") },
      { tls: { cert: path("client"), key: path("client-key") } },
    ],
  ])("%j", (env, options) => {
    expect(optionsFromEnv(env)).toEqual(options);
    if (options.authToken === undefined) expect(() => new KubeMQClient(optionsFromEnv(env))).not.toThrow();
  });

  test.each<[Environment, RegExp]>([
    [{ KUBEMQ_ADDRESS: "ftp://a" }, /^KUBEMQ_ADDRESS: address must be/],
    [{ KUBEMQ_ADDRESS: "a:1,,b:2" }, /^KUBEMQ_ADDRESS: address must be/],
    [{ KUBEMQ_ADDRESS: "a:1,a:1" }, /^KUBEMQ_ADDRESS: address lists a:1 twice/],
    [{ KUBEMQ_CLIENT_ID: "a b" }, /^KUBEMQ_CLIENT_ID: clientId may have/],
    [{ KUBEMQ_AUTH_TOKEN: "geheim\nx" }, /^KUBEMQ_AUTH_TOKEN: authToken must be/],
    [{ KUBEMQ_TIMEOUT: "10s" }, /^KUBEMQ_TIMEOUT: timeoutMs must be .*, got "10s"$/],
    [{ KUBEMQ_ADDRESS: "," }, /^KUBEMQ_ADDRESS: address must be/],
    [{ KUBEMQ_TLS: "yes" }, /^KUBEMQ_TLS: must be true, false, 1 or 0, got "yes"/],
    [{ KUBEMQ_TLS_CA_FILE: "/nowhere.pem" }, /^KUBEMQ_TLS_CA_FILE: tls.ca is neither/],
    [{ KUBEMQ_TLS_CERT_FILE: path("client") }, /^KUBEMQ_TLS_CERT_FILE: needs KUBEMQ_TLS_KEY_FILE.*KUBEMQ_TLS_CA_FILE/],
    [{ KUBEMQ_TLS_KEY_FILE: path("client-key") }, /^KUBEMQ_TLS_KEY_FILE: needs KUBEMQ_TLS_CERT_FILE/],
    [
      { KUBEMQ_TLS_CERT_FILE: path("client"), KUBEMQ_TLS_KEY_FILE: path("server-key") },
      /^KUBEMQ_TLS_CERT_FILE and KUBEMQ_TLS_KEY_FILE: tls: certificates or key cannot be used/,
    ],
  ])("%j is refused", (env, says) => {
    const message = refusal(env);
    expect(message).toMatch(says);
    expect(message).not.toContain("geheim");
  });
});
