import { connect as connectTls, type TLSSocket } from "node:tls";
import { isIP } from "node:net";
import { EXIT } from "../exit.js";
import { codeOf, failed, ok, reasonOf, type Finding } from "./finding.js";
import { opened } from "./opened.js";
import type { Target } from "./target.js";

export async function checkTls(target: Target): Promise<Finding> {
  if (target.tls === undefined) return ok("tls", "not used: plain text");
  try {
    const socket = await handshake(target);
    const { subject, valid_to: validTo } = socket.getPeerCertificate();
    const subjectName = [subject.CN].flat().join(", ");
    const facts = [socket.getProtocol(), `certificate of ${subjectName || "no name"}, valid until ${validTo}`];
    const { alpnProtocol } = socket;
    socket.destroy();
    if (alpnProtocol === "h2") return ok("tls", facts.join(", "));
    const advice = "let the proxy in front of the server offer HTTP/2 (ALPN h2), or connect to the server itself";
    return failed("tls", "the port speaks TLS, but offers no HTTP/2", advice, EXIT.failed);
  } catch (error) {
    return failed("tls", `the handshake fails: ${reasonOf(error)}`, tlsAdvice(error), EXIT.refused);
  }
}

/** A server name must not be an IP address: https://www.rfc-editor.org/rfc/rfc6066#section-3 */
export function tlsSocket({ host, port, tls = {} }: Target): TLSSocket {
  return connectTls({ host, port, ALPNProtocols: ["h2"], ...(isIP(host) === 0 && { servername: host }), ...tls });
}

function handshake(target: Target): Promise<TLSSocket> {
  return opened(tlsSocket(target), "secureConnect", target.timeoutMs);
}

/** Whether TLS is spoken at a port where plain text failed. */
export async function speaksTls(target: Target): Promise<boolean> {
  try {
    (await handshake({ ...target, timeoutMs: 2_000, tls: { rejectUnauthorized: false } })).destroy();
    return true;
  } catch {
    return false;
  }
}

function tlsAdvice(error: unknown): string {
  const code = codeOf(error) ?? "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "use a name of the certificate as the address, or say it with --tls-server-name";
  }
  if (code === "CERT_HAS_EXPIRED") return "renew the server's certificate";
  if (/SELF_SIGNED|UNABLE_TO|UNTRUSTED/.test(code)) {
    return "trust the authority that signed the server's certificate: --tls-ca FILE";
  }
  if (/WRONG_VERSION|PACKET_LENGTH|ECONNRESET|ETIMEDOUT|EPROTO/.test(code)) {
    return "the port seems to speak plain text: use http:// and leave out the --tls options";
  }
  return "check the certificate and the key of the server, and yours, if it asks for one";
}
