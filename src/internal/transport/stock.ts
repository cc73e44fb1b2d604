import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { transportDefaults } from "./options.js";
import type { TransportOptions } from "./options.js";

/** Connect writes deadlines in milliseconds whatever their size, and gRPC allows eight digits. */
const LONGEST_DEADLINE_MS = 99_999_999;

/** Connect's own transport on the same session: the reference that ours is tested and measured against. */
export function createStockTransport(options: TransportOptions): Transport {
  const { sessionManager } = options;
  const stock = createGrpcTransport({
    baseUrl: sessionManager.authority,
    sessionManager,
    readMaxBytes: options.readMaxBytes ?? transportDefaults.readMaxBytes,
    writeMaxBytes: options.writeMaxBytes ?? transportDefaults.writeMaxBytes,
    acceptCompression: [],
  });
  return {
    unary: (method, signal, timeoutMs, ...rest) => stock.unary(method, signal, clamp(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) => stock.stream(method, signal, clamp(timeoutMs), ...rest),
  };
}

function clamp(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, LONGEST_DEADLINE_MS);
}
