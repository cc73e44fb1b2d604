import type { Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import {
  Connector,
  createFastTransport,
  createStockTransport,
  sessionSettings,
} from "../../src/internal/transport/index.js";
import type { ConnectionOptions, TransportOptions } from "../../src/internal/transport/index.js";

/** A transport on a connection of its own. */
export interface TestTransport extends Transport, Disposable {
  readonly sessions: Http2SessionManager;
}

export type TransportKind = "fast" | "stock";

export function openTransport(
  kind: TransportKind,
  url: string,
  options: Partial<TransportOptions> & ConnectionOptions = {},
): TestTransport {
  const sessions = new Http2SessionManager(url, undefined, sessionSettings());
  const transport =
    kind === "stock"
      ? createStockTransport({ sessionManager: sessions, ...options })
      : createFastTransport({ sessionManager: new Connector(sessions, options), ...options });
  return {
    ...transport,
    sessions,
    [Symbol.dispose]: () => sessions.abort(),
  };
}
