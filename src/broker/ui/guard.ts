import type { IncomingMessage, ServerResponse } from "node:http";

/** Why a request is refused, with the HTTP status for it. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const most = 2 ** 20;

/**
 * Refuses requests that do not come from the page itself.
 *
 * The port is bound to 127.0.0.1, but every website that a developer visits can send requests
 * there. A website whose name resolves to 127.0.0.1 (DNS rebinding) is recognised by the `Host`
 * header, and one that sends a form or a fetch by its `Origin` header. Without CORS headers, no
 * website can read an answer.
 */
export function checkSource(request: IncomingMessage, port: number): void {
  const { host = "" } = request.headers;
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) {
    throw new Refusal(403, `this page is served to 127.0.0.1:${port} only, not to "${host}"`);
  }
  if (request.method === "GET") return;
  if (request.headers.origin !== `http://${host}`) {
    throw new Refusal(403, "requests that change something must come from the page itself (Origin header)");
  }
  if (request.headers["content-type"] !== "application/json") {
    throw new Refusal(415, "the content type must be application/json");
  }
}

/** The JSON object in the body of a request. */
export async function jsonOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw new Refusal(413, `the request is larger than ${most} bytes`);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refusal(400, "the request is not JSON");
  }
  if (typeof value !== "object" || value === null) throw new Refusal(400, "the request must be a JSON object");
  return value as Readonly<Record<string, unknown>>;
}

/** Answers with headers that let the page load nothing but its own files, and nobody frame it. */
export function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}
