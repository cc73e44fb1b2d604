import { calls, closing, credentials, limits, living, transport } from "./connection.js";
import { cli } from "./cli.js";
import { contracts, payloads } from "./contracts.js";
import { handlers } from "./handlers.js";
import { comingBack, delivering, leaving } from "./loops.js";
import { publishing, requests, store } from "./patterns.js";
import type { Chapter } from "./promise.js";
import { consuming, leasing, sending, settling } from "./queues.js";
import { rpc, tracing } from "./rpc.js";
import { resending, servers } from "./servers.js";

/** The promises, in the order of test/PROMISES.md. */
export const chapters: readonly Chapter[] = [
  leaving,
  delivering,
  comingBack,
  store,
  publishing,
  requests,
  handlers,
  rpc,
  consuming,
  settling,
  leasing,
  sending,
  contracts,
  payloads,
  tracing,
  calls,
  closing,
  living,
  servers,
  resending,
  credentials,
  limits,
  transport,
  cli,
];
