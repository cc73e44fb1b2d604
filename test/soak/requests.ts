import { KubeMQError } from "kubemq-es";
import { sleep, until } from "../support/until.js";
import { Latency, Outcome, parseBody, type Producer } from "./producer.js";
import type { LineName } from "./lines.js";
import type { Load, World } from "./world.js";

const COMMANDS = "soak.commands";
const QUERIES = "soak.queries";
const TIMEOUT_MS = 5_000;
const RATE = 40;

/** The responder's answer: it refuses every seventh request. */
const refusalOf = (number: number) => (number % 7 === 3 ? `no ${number}` : undefined);

/**
 * Commands and queries: two responders of one group, on separate lines, answer a requester on a third
 * line.
 */
export async function requestsLoad(world: World): Promise<Load> {
  const { findings, stop, windows } = world;
  const latency = new Latency("requests");
  const leave = new AbortController();
  const produce = (name: string) => world.producer(name, "north", RATE, 10);
  const [commands, queries] = [produce("commands"), produce("queries")];
  const executed = new Map([commands, queries].map((producer) => [producer.name, new Uint8Array(producer.capacity)]));
  const requester = world.client("north", "requester");

  const execute = async (body: string): Promise<string> => {
    const { name, number } = parseBody(body);
    const times = executed.get(name);
    if (times === undefined) throw new Error(`who sent ${body}?`);
    const count = (times[number] ?? 0) + 1;
    times[number] = count;
    if (count > 1) findings.add("doubled", `${name} ${number} was executed ${count} times`);
    if (number % 10 === 0) await sleep(20);
    const refusal = refusalOf(number);
    if (refusal !== undefined) throw new Error(refusal);
    return `answer to ${name} ${number}`;
  };
  const respond = (line: LineName) => {
    const client = world.client(line, `responder-${line}`);
    const options = { signal: leave.signal, concurrency: 16 };
    const group = "responders";
    return [
      client.commands.handle(
        { channel: COMMANDS, group },
        async (request) => void (await execute(request.text())),
        options,
      ),
      client.queries.handle({ channel: QUERIES, group }, (request) => execute(request.text()), options),
    ];
  };
  const responders = [...respond("east"), ...respond("south")];
  await until("the broker has the responders", async () => {
    return ((await world.broker.stats()).streams["SubscribeToRequests"] ?? 0) >= responders.length;
  });

  const judge = (producer: Producer, number: number, answer: string | undefined, error: string | undefined) => {
    latency.since(producer.intendedAt(number));
    if (error === refusalOf(number) && (answer === undefined || answer === `answer to ${producer.name} ${number}`))
      return;
    findings.add("wrong", `${producer.name} ${number} was answered with ${answer ?? error}`);
  };
  const command = async (number: number) => {
    const request = { channel: COMMANDS, body: commands.body(number) };
    const result = await requester.commands.send(request, { timeoutMs: TIMEOUT_MS });
    judge(commands, number, undefined, result.ok ? undefined : result.error);
  };
  const query = async (number: number) => {
    const request = { channel: QUERIES, body: queries.body(number) };
    const result = await requester.queries.send(request, { timeoutMs: TIMEOUT_MS });
    if (result.ok) judge(queries, number, result.text(), undefined);
    else judge(queries, number, undefined, result.error);
  };
  const produced = Promise.all([commands.run(stop, command), queries.run(stop, query)]);
  return {
    name: "requests",
    produced,
    async settle() {
      leave.abort();
      for (const end of await Promise.allSettled(responders)) {
        if (end.status === "rejected" && !KubeMQError.is(end.reason, "CLIENT_CLOSED")) {
          findings.add("unexpected", `a responder ended: ${String(end.reason)}`);
        }
      }
    },
    reconcile() {
      return [
        ...[commands, queries].map((producer) => {
          const times = executed.get(producer.name) ?? new Uint8Array();
          let explained = 0;
          let executions = 0;
          for (let number = 0; number < producer.sent; number++) {
            executions += times[number] ?? 0;
            const outcome = producer.outcome[number];
            if (outcome === Outcome.confirmed && times[number] === 0) {
              findings.add("wrong", `${producer.name} ${number} was answered, but nobody executed it`);
            }
            if (outcome !== Outcome.unknown) continue;
            const [from, to] = [producer.intendedAt(number), producer.doneAt[number] ?? 0];
            if (windows.overlap(["north", "east", "south"], from, to)) explained += 1;
            else findings.add("lost", `${producer.name} ${number} was not answered, and no line was down`);
          }
          return (
            `${producer.name}: ${producer.sent} sent, ${producer.count(Outcome.confirmed)} answered, ${executions} executed, ` +
            `${explained} without an answer in downtime, ${producer.skipped} left out`
          );
        }),
        latency.line(),
      ];
    },
  };
}
