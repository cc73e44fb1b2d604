import { start } from "../children.js";
import type { Ports } from "../server.js";
import { median, spread } from "../statistics.js";

export interface StartUp {
  readonly contestant: string;
  /** From `import` to the first message of a subscription. */
  readonly firstMessageMs: number;
  /** The part of it until the modules were loaded. */
  readonly importMs: number;
  readonly spread: number;
  /** CPU time of the whole process up to the first message. */
  readonly cpuMs: number;
}

export interface StartUpSample {
  readonly importMs: number;
  readonly firstMessageMs: number;
  readonly cpuMs: number;
}

const contestants: Readonly<Record<string, string>> = {
  "kubemq-es": "start-up/kubemq-es.js",
  "grpc-js with ts-proto": "start-up/grpc-js.js",
};

/**
 * Starts new processes, alternating between contestants. Each subscribes and waits for one message.
 */
export async function startUp(rounds: number): Promise<StartUp[]> {
  using server = await start("server.js");
  const port = String((server.greeting as Ports).one);
  const samples = new Map<string, StartUpSample[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, file] of Object.entries(contestants)) {
      using child = await start(file, [port]);
      if (round >= 0) samples.get(name)?.push(child.greeting as StartUpSample);
    }
  }
  return [...samples].map(([contestant, all]) => {
    const of = (pick: (sample: StartUpSample) => number) => all.map(pick);
    return {
      contestant,
      firstMessageMs: median(of(({ firstMessageMs }) => firstMessageMs)),
      importMs: median(of(({ importMs }) => importMs)),
      spread: spread(of(({ firstMessageMs }) => firstMessageMs)),
      cpuMs: median(of(({ cpuMs }) => cpuMs)),
    };
  });
}
