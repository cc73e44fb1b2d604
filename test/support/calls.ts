import type { Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { Connector, createTransport, sessionSettings } from "../../src/transport/index.js";
import type { ConnectionOptions, TransportOptions } from "../../src/transport/index.js";
import { createStockTransport } from "./stock-transport.js";

/** A transport on its own connection. */
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
      : createTransport({ codecs: kubemqCodecs, sessionManager: new Connector(sessions, options), ...options });
  return {
    ...transport,
    sessions,
    [Symbol.dispose]: () => sessions.abort(),
  };
}
