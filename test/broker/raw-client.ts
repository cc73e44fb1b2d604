import type { Client } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import type { GrpcTransportOptions } from "@connectrpc/connect-node";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import { kubemq } from "kubemq-es/gen";

/**
 * Connect's own client on a separate connection, so that the broker is tested without this
 * project's client.
 */
export interface RawClient extends Disposable {
  readonly rpc: Client<typeof kubemq>;
  readonly sessions: Http2SessionManager;
}

export function rawClient(
  address: string,
  options: Partial<GrpcTransportOptions> & { readonly tls?: object } = {},
): RawClient {
  const { tls, ...rest } = options;
  const baseUrl = `${tls === undefined ? "http" : "https"}://${address}`;
  const sessionManager = new Http2SessionManager(baseUrl, undefined, tls);
  const transport = createGrpcTransport({ baseUrl, sessionManager, ...rest });
  return {
    rpc: createClient(kubemq, transport),
    sessions: sessionManager,
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}
