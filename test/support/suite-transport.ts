// The transport for a run of the suite. With KUBEMQ_ES_TRANSPORT=stock, jest.config.mjs substitutes
// this module for src/transport/index.ts, so that every client of the suite uses Connect's own
// transport.
import { createTransport as createOwnTransport, type Transport } from "../../src/transport/transport.js";
import type { TransportOptions } from "../../src/transport/session/options.js";
import { overConnect } from "./connect-streams.js";
import { createStockTransport } from "./stock-transport.js";

export { encodedSize } from "../../src/codec/reflection.js";
export { hasInvalidText } from "../../src/codec/text.js";
export { batchesOf } from "../../src/transport/batches.js";
export { Connector } from "../../src/transport/session/connector.js";
export { ConnectionPool } from "../../src/transport/session/pool.js";
export { sessionSettings } from "../../src/transport/session/options.js";

export function createTransport(options: TransportOptions): Transport {
  if (process.env["KUBEMQ_ES_TRANSPORT"] !== "stock") return createOwnTransport(options);
  return {
    ...overConnect(createStockTransport(options)),
    get hasRoom() {
      return options.sessionManager.hasRoom !== false;
    },
  };
}
