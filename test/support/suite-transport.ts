// The transport for a run of the suite. With KUBEMQ_ES_TRANSPORT=stock, jest.config.mjs substitutes
// this module for src/transport/index.ts, so that every client of the suite uses Connect's own
// transport.
import { createTransport as createOwnTransport } from "../../src/transport/index.js";
import { createStockTransport } from "./stock-transport.js";

export { batchesOf, BatchStream, Connector, hasInvalidText, sessionSettings } from "../../src/transport/index.js";

export const createTransport =
  process.env["KUBEMQ_ES_TRANSPORT"] === "stock" ? createStockTransport : createOwnTransport;
