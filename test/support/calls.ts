import type { Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { createFastTransport, createStockTransport, sessionSettings } from "../../src/internal/transport/index.js";
import type { TransportOptions } from "../../src/internal/transport/index.js";

/** A transport on a connection of its own. */
export interface TestTransport extends Transport, Disposable {
  readonly sessions: Http2SessionManager;
}

export type TransportKind = "fast" | "stock";

export function openTransport(
  kind: TransportKind,
  url: string,
  options: Partial<TransportOptions> = {},
): TestTransport {
  const sessions = new Http2SessionManager(url, undefined, sessionSettings());
  const create = kind === "fast" ? createFastTransport : createStockTransport;
  const transport = create({ sessionManager: sessions, ...options });
  return {
    ...transport,
    sessions,
    [Symbol.dispose]: () => sessions.abort(),
  };
}
