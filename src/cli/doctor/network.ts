import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { EXIT } from "../exit.js";
import { codeOf, failed, milliseconds, ok, reasonOf, type Finding } from "./finding.js";
import { opened } from "./opened.js";
import type { Target } from "./target.js";

export async function checkName({ host }: Target): Promise<Finding> {
  if (isIP(host) !== 0) return ok("name", `${host} is an IP address`);
  const from = performance.now();
  try {
    const addresses = await lookup(host, { all: true });
    const list = addresses.map(({ address }) => address).join(", ");
    return ok("name", `${host} is ${list} (${milliseconds(performance.now() - from)})`);
  } catch (error) {
    const advice = "check the spelling of the host, the DNS of this machine, and in Kubernetes the namespace";
    return failed("name", `${host} is unknown: ${reasonOf(error)}`, advice, EXIT.unavailable);
  }
}

export async function checkTcp(target: Target): Promise<Finding> {
  const { host, port, timeoutMs } = target;
  const from = performance.now();
  try {
    const socket = await opened<Socket>(connectTcp({ host, port }), "connect", timeoutMs);
    const at = `${socket.remoteAddress}:${port}`;
    socket.destroy();
    return ok("tcp", `connected to ${at} (${milliseconds(performance.now() - from)})`);
  } catch (error) {
    return failed("tcp", `${host}:${port} does not connect: ${reasonOf(error)}`, tcpAdvice(error), EXIT.unavailable);
  }
}

function tcpAdvice(error: unknown): string {
  switch (codeOf(error)) {
    case "ECONNREFUSED":
    case undefined:
      return "start the server, and check the port: gRPC is 50000 by default; `kubemq-es broker` starts one to try";
    case "ETIMEDOUT":
      return "a firewall, a security group or a wrong address: nothing answers";
    default:
      return "check the route from this machine to the server";
  }
}
