import { type KubeMQClient, KubeMQError, type ServerInfo } from "../../index.js";
import { EXIT, exitCodeOf } from "../exit.js";
import { failed, milliseconds, ok, reasonOf, type Finding } from "./finding.js";

const PINGS = 10;

/** Difference of clocks in seconds above which doctor warns. The server reports whole seconds. */
const CLOCK_TOLERANCE_S = 5;

export async function checkServer(client: KubeMQClient): Promise<Finding> {
  try {
    const { host, version, uptimeSeconds } = await client.ping();
    return ok("server", `${host || "no name"}, version ${version}, up for ${uptimeSeconds} s`);
  } catch (error) {
    const advice = "HTTP/2 answers, but not KubeMQ: is it another gRPC server, or a proxy without a server behind it?";
    return failed("server", reasonOf(error), advice, exitCodeOf(error));
  }
}

/**
 * Ping needs no token, so the token is checked by publishing an event on a channel without
 * subscribers.
 */
export async function checkToken(client: KubeMQClient, given: boolean): Promise<Finding> {
  const channel = "kubemq-es.doctor";
  try {
    await client.events.publish({ channel, body: "doctor" });
    return ok("token", given ? "accepted" : "none given, and the server asks for none");
  } catch (error) {
    if (KubeMQError.is(error, "PERMISSION_DENIED")) {
      return ok("token", `accepted; it does not allow to publish on ${channel}`);
    }
    const advice = given
      ? "renew the token; it is sent as it is, without `Bearer`"
      : "the server asks for a token: --token or KUBEMQ_AUTH_TOKEN";
    return failed("token", reasonOf(error), advice, exitCodeOf(error));
  }
}

/**
 * Compares the time of the server, which is its start and its uptime, with the time of this
 * machine.
 */
export function clockOf({ startedAt, uptimeSeconds }: ServerInfo, now: number): Finding {
  const difference = Math.round(startedAt.getTime() / 1_000 + uptimeSeconds - now / 1_000);
  const size = Math.abs(difference);
  if (size <= CLOCK_TOLERANCE_S) return ok("clock", "the server has the time of this machine, to the second or two");
  const detail = `the server is ${size} s ${difference > 0 ? "ahead of" : "behind"} this machine`;
  const advice = "let NTP set both clocks: delays, expirations and start times count by the server's clock";
  return failed("clock", detail, advice, EXIT.failed);
}

export async function checkClock(client: KubeMQClient): Promise<Finding> {
  return clockOf(await client.ping(), Date.now());
}

export async function checkLatency(client: KubeMQClient): Promise<Finding> {
  const took: number[] = [];
  for (let n = 0; n < PINGS; n++) {
    const from = performance.now();
    await client.ping();
    took.push(performance.now() - from);
  }
  took.sort((a, b) => a - b);
  const at = (index: number) => milliseconds(took[index] ?? 0);
  return ok("latency", `${PINGS} pings: fastest ${at(0)}, median ${at(PINGS / 2)}, slowest ${at(PINGS - 1)}`);
}
