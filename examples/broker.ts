import { parseArgs } from "node:util";
import { startBroker, type BrokerOptions } from "kubemq-es/testing";

/**
 * Connects an example to the server that `--address HOST:PORT` names, or to an embedded broker that
 * ends with the example.
 */
export async function broker(options: BrokerOptions = {}): Promise<{ readonly address: string } & AsyncDisposable> {
  const { address } = parseArgs({ options: { address: { type: "string" } } }).values;
  if (address === undefined) return startBroker({ port: 0, ...options });
  return { address, [Symbol.asyncDispose]: async () => {} };
}
