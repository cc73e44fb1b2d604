import { hostname } from "node:os";
import type { BrokerCore, PatternService } from "../service.js";

/** The server version that the broker imitates. */
const version = "v2.4.0";

const perSecond = 1_000_000_000n;

export function pingService({ clock }: BrokerCore): PatternService {
  const startedAt = clock.now();
  const Host = process.env["HOST"] ?? hostName();
  return {
    rpcs: {
      ping: () => ({
        Host,
        Version: version,
        ServerStartTime: startedAt / perSecond,
        ServerUpTimeSeconds: (clock.now() - startedAt) / perSecond,
      }),
    },
    close() {},
  };
}

// The host name becomes part of a NATS subject, where dots separate tokens and a token must not
// begin with a digit.
function hostName(): string {
  const name = hostname().replaceAll(".", "_");
  return /^\d/.test(name) ? `kubemq-${name}` : name;
}
