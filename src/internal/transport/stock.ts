import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { transportDefaults } from "./options.js";
import type { TransportOptions } from "./options.js";

/** Connect's own transport on the same session: the reference that ours is tested and measured against. */
export function createStockTransport(options: TransportOptions): Transport {
  const { sessionManager, header } = options;
  const interceptors: Interceptor[] = [];
  if (header !== undefined) {
    interceptors.push((next) => async (request) => {
      for (const [name, value] of Object.entries(await header())) request.header.set(name, value);
      return next(request);
    });
  }
  return createGrpcTransport({
    baseUrl: sessionManager.authority,
    sessionManager,
    interceptors,
    readMaxBytes: options.readMaxBytes ?? transportDefaults.readMaxBytes,
    writeMaxBytes: options.writeMaxBytes ?? transportDefaults.writeMaxBytes,
    acceptCompression: [],
  });
}
