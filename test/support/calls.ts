import type { Transport as ConnectTransport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { Connector } from "../../src/transport/session/connector.js";
import { type ConnectionOptions, sessionSettings, type TransportOptions } from "../../src/transport/session/options.js";
import { createTransport, type Transport } from "../../src/transport/transport.js";
import { asConnect, overConnect } from "./connect-streams.js";
import { createStockTransport } from "./stock-transport.js";

/** A transport on its own connection. */
export interface TestTransport extends Transport, ConnectTransport, Disposable {
  readonly sessions: Http2SessionManager;
}

export type TransportKind = "fast" | "stock";

export function openTransport(
  kind: TransportKind,
  url: string,
  options: Partial<TransportOptions> & ConnectionOptions = {},
): TestTransport {
  const sessions = new Http2SessionManager(url, undefined, sessionSettings());
  const transport = kind === "stock" ? stock(sessions, options) : own(sessions, options);
  return {
    ...transport,
    sessions,
    [Symbol.dispose]: () => sessions.abort(),
  };
}

function stock(sessionManager: Http2SessionManager, options: Partial<TransportOptions>): Transport & ConnectTransport {
  const connect = createStockTransport({ sessionManager, ...options });
  return { ...overConnect(connect), ...connect };
}

function own(
  sessions: Http2SessionManager,
  options: Partial<TransportOptions> & ConnectionOptions,
): Transport & ConnectTransport {
  const sessionManager = new Connector(sessions, options);
  const transport = createTransport({ codecs: kubemqCodecs, sessionManager, ...options });
  return { ...transport, ...asConnect(transport) };
}
