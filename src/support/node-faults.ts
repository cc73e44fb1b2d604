import type { ErrorCode } from "../api/errors.js";

/** What an error of Node.js means. */
export interface NodeFault {
  readonly code: ErrorCode;
  readonly text: string;
}

const NETWORK =
  /^(E(CONN\w+|HOSTUNREACH|NETUNREACH|NETDOWN|PIPE|TIMEDOUT|AI_\w+)|ENOTFOUND|ERR_HTTP2_\w+|ERR_STREAM_\w+)$/;
/** What to do about the mistakes of a first connection, by the code of Node.js. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "; is a server running there?",
  ENOTFOUND: "; is the host spelled correctly?",
  ERR_HTTP2_ERROR: "; is this the gRPC port of a KubeMQ server, 50000 by default?",
};

/** Finds a Node.js error in a chain of causes, by the shape of its `code`. */
export function nodeFault(error: unknown): NodeFault | undefined {
  for (let cause = error, depth = 0; typeof cause === "object" && cause !== null && depth < 8; depth++) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (typeof code === "string") {
      const text = typeof message === "string" ? message : code;
      if (NETWORK.test(code)) {
        return { code: "UNAVAILABLE", text: `${text}${ADVICE[code] ?? ""}` };
      }
      const refused = tlsFault(code);
      if (refused !== undefined) return { code: refused.code, text: `${refused.text}: ${text}` };
    }
    cause = (cause as { cause?: unknown }).cause;
  }
  return undefined;
}

/** Whether a connection was lost because the peer sent something else than HTTP/2. */
export function isNotHttp2(error: unknown): boolean {
  for (let cause = error, depth = 0; typeof cause === "object" && cause !== null && depth < 8; depth++) {
    if ((cause as { code?: unknown }).code === "ERR_HTTP2_ERROR") return true;
    cause = (cause as { cause?: unknown }).cause;
  }
  return false;
}

/** Errors of OpenSSL and node:tls, with a message that names the cause. */
function tlsFault(code: string): NodeFault | undefined {
  if (code.startsWith("ERR_SSL_")) {
    if (/ALERT_CERTIFICATE_REQUIRED/.test(code)) {
      return { code: "UNAUTHENTICATED", text: "the server asks for a client certificate: give tls.cert and tls.key" };
    }
    if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA)/.test(code)) {
      return { code: "UNAUTHENTICATED", text: "the server refused this client's certificate" };
    }
    if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD/.test(code)) {
      return { code: "UNAVAILABLE", text: "the server does not speak TLS on this port" };
    }
    return { code: "UNAVAILABLE", text: "TLS handshake failed" };
  }
  switch (code) {
    case "CERT_HAS_EXPIRED": // promise: certificate-in-words
      return { code: "UNAUTHENTICATED", text: "the server's certificate has expired" };
    case "CERT_NOT_YET_VALID":
      return { code: "UNAUTHENTICATED", text: "the server's certificate is not valid yet" };
    case "CERT_REVOKED":
      return { code: "UNAUTHENTICATED", text: "the server's certificate was revoked" };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
    case "HOSTNAME_MISMATCH":
      return { code: "UNAUTHENTICATED", text: "the server's certificate is for another name" };
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return { code: "UNAUTHENTICATED", text: "the server's certificate comes from an unknown authority" };
    default:
      return /^CERT_|^(ERROR_IN|INVALID)_(CERT|CA|PURPOSE)|_CERT_/.test(code)
        ? { code: "UNAUTHENTICATED", text: "the server's certificate is not valid" }
        : undefined;
  }
}
