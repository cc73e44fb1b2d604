import { describe, expect, test } from "@jest/globals";
import { Code, ConnectError } from "@connectrpc/connect";
import { TransportError } from "../../src/support/transport-error.js";
import { withFault } from "../support/connect-faults.js";
import { isTokenRefused, toKubeMQError } from "../../src/support/faults.js";

const subject = { operation: "client.ping" };

/** As transports report it: an error of Node.js in the chain of causes. */
function reported(code: string): unknown {
  const node = Object.assign(new Error(`openssl says ${code}`), { code });
  return new ConnectError("connection failed", Code.Unavailable, undefined, undefined, node);
}

describe("messages for TLS failures", () => {
  test.each([
    ["CERT_HAS_EXPIRED", "UNAUTHENTICATED", "the server's certificate has expired"],
    ["CERT_NOT_YET_VALID", "UNAUTHENTICATED", "the server's certificate is not valid yet"],
    ["CERT_REVOKED", "UNAUTHENTICATED", "the server's certificate was revoked"],
    ["CERT_SIGNATURE_FAILURE", "UNAUTHENTICATED", "the server's certificate is not valid"],
    ["INVALID_PURPOSE", "UNAUTHENTICATED", "the server's certificate is not valid"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "UNAUTHENTICATED", "the server's certificate is for another name"],
    ["HOSTNAME_MISMATCH", "UNAUTHENTICATED", "the server's certificate is for another name"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "UNAUTHENTICATED", "the server's certificate comes from an unknown authority"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "UNAUTHENTICATED", "the server's certificate comes from an unknown authority"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNAUTHENTICATED", "the server's certificate comes from an unknown authority"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "UNAUTHENTICATED", "the server asks for a client certificate"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "UNAUTHENTICATED", "the server refused this client's certificate"],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "UNAUTHENTICATED", "the server refused this client's certificate"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "UNAUTHENTICATED", "the server refused this client's certificate"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "UNAVAILABLE", "the server does not speak TLS on this port"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "UNAVAILABLE", "TLS handshake failed"],
    ["ECONNREFUSED", "UNAVAILABLE", "openssl says ECONNREFUSED"],
    ["ENOTFOUND", "UNAVAILABLE", "openssl says ENOTFOUND"],
    ["EAI_AGAIN", "UNAVAILABLE", "openssl says EAI_AGAIN"],
  ])("%s is reported as %s: %s", (code, expected, text) => {
    const error = toKubeMQError(reported(code), subject);
    expect(error).toMatchObject({ code: expected, retryable: expected === "UNAVAILABLE" });
    expect(error.message).toContain(`client.ping: ${text}`);
    // A new token would not help.
    expect(isTokenRefused(error)).toBe(false);
  });

  test("a refused token has its own error code", () => {
    expect(isTokenRefused(toKubeMQError(new ConnectError("no", Code.Unauthenticated), subject))).toBe(true);
    const text = "Error 421: authentication verification failed, expired";
    expect(isTokenRefused(toKubeMQError(new ConnectError(text, Code.Internal), subject))).toBe(true);
  });
});

describe("violations of gRPC are reported as PROTOCOL and not retried", () => {
  test.each([
    ["protocol error: incomplete envelope", Code.InvalidArgument],
    ["protocol error: missing output message for unary method", Code.Unimplemented],
    ["parse binary: illegal tag", Code.Internal],
    ["unsupported content type text/html", Code.Unknown],
    ['unsupported response encoding "gzip"', Code.Internal],
  ])("%s", (text, code) => {
    const own = new TransportError({ kind: "protocol" }, code, text);
    for (const error of [own, withFault(new ConnectError(text, code))]) {
      expect(toKubeMQError(error, subject)).toMatchObject({ code: "PROTOCOL", retryable: false });
    }
  });
});
