import { KubeMQError } from "../api/errors.js";
import type { ConnectOptions } from "../api/options.js";
import { backoffDelay } from "../support/time/backoff.js";
import { reasonOf, refuse } from "../support/checks.js";
import { DEFAULTS } from "../support/defaults.js";
import { checkKnown } from "../support/names/known.js";
import { pause } from "../support/time/pause.js";
import { fault } from "../support/faults.js";
import { transportFault } from "../support/transport-error.js";
import type { Connection } from "./connection.js";
import { pingMethod, pingRequest } from "./wire.js";

const subject = { operation: "client.connect" };

/**
 * Pings the server until it answers, for at most `waitMs` milliseconds. Tries every server of a
 * list.
 *
 * @throws {KubeMQError} UNAVAILABLE or TIMEOUT when no server answered in time; another code
 *   immediately when the server refuses the ping
 */
export async function awaitServer(connection: Connection, options: ConnectOptions = {}): Promise<void> {
  checkKnown(subject, "", options, ["waitMs", "timeoutMs", "signal"]);
  const { waitMs = 0, timeoutMs = connection.options.timeoutMs, signal } = options;
  if (!(typeof waitMs === "number" && waitMs >= 0)) {
    throw refuse(subject, `waitMs must be 0 or more milliseconds, or Infinity, got ${String(waitMs)}`);
  }
  const { clock, random, state } = connection;
  const until = clock.now() + waitMs;
  const leftMs = () => Math.max(1, Math.ceil(until - clock.now()));
  let last: KubeMQError | undefined;
  state.began();
  try {
    for (let failures = 1; ; failures++) {
      const server = connection.route.server.name;
      const callMs = waitMs === 0 ? timeoutMs : Math.min(timeoutMs, leftMs());
      try {
        const call = { ...(signal === undefined ? {} : { signal }), timeoutMs: callMs };
        await connection.unary(pingMethod, pingRequest, { ...subject, options: call });
        return;
      } catch (error) {
        if (!KubeMQError.is(error)) throw error;
        const failed = named(error, server, callMs);
        if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT")) throw failed;
        // Servers that cannot be reached were passed over in the call itself.
        const wereTried = transportFault(error.cause)?.kind === "no-connection";
        if (!wereTried) connection.route.leave(server);
        if (waitMs === 0) {
          if (!wereTried && failures < connection.options.servers.length) continue;
          throw failed;
        }
        // The error of the previous attempt is more useful than the timeout of a shortened last
        // attempt.
        if (callMs === timeoutMs || failed.code !== "TIMEOUT") last = failed;
        if (clock.now() >= until) {
          const reported = last ?? failed;
          const text = `no server within ${waitMs} ms, at last: ${reasonOf(reported)}`;
          throw fault(reported.code, subject, text, { cause: error });
        }
        const policy = connection.reconnect === false ? DEFAULTS.reconnect : connection.reconnect;
        const delayMs = Math.min(backoffDelay(policy, failures, random), leftMs());
        connection.report({ type: "retry", attempt: failures, delayMs, error: failed });
        await pause(connection.clock, delayMs, signal);
      }
    }
  } finally {
    state.done();
  }
}

/** The error of a ping with the address of the server, if it does not have it. */
function named(error: KubeMQError, server: string, timeoutMs: number): KubeMQError {
  const { code, cause, retryable, serverCode } = error;
  if (code === "INVALID_ARGUMENT") return error;
  const why =
    code === "TIMEOUT"
      ? `${server} does not answer; is that the gRPC port of a KubeMQ server? (waited ${timeoutMs} ms)`
      : reasonOf(error);
  const text = why.includes(server) ? why : `${server}: ${why}`; // promise: connect-names-server
  return fault(code, subject, text, { cause, retryable, serverCode });
}
