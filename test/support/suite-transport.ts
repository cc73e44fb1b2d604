// The transport that a run of the suite is on. With KUBEMQ_ES_TRANSPORT=stock, jest.config.mjs puts this module in the
// place of src/transport/index.ts, so that every client of the suite runs on Connect's own transport.
import { createTransport as createOwnTransport } from "../../src/transport/index.js";
import { createStockTransport } from "./stock-transport.js";

export { batchesOf, BatchStream, Connector, hasInvalidText, sessionSettings } from "../../src/transport/index.js";

export const createTransport =
  process.env["KUBEMQ_ES_TRANSPORT"] === "stock" ? createStockTransport : createOwnTransport;
