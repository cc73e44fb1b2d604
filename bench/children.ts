import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A child process that answers requests. It exits when its parent exits. */
export interface Child extends Disposable {
  /** The first message that it sent. */
  readonly greeting: unknown;
  ask(message: unknown): Promise<unknown>;
}

export async function start(
  file: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [...nodeFlags] });
  const greeting = await answerOf(child, file);
  return {
    greeting,
    ask(message) {
      const answer = answerOf(child, file);
      child.send(message as object);
      return answer;
    },
    [Symbol.dispose]: () => child.disconnect(),
  };
}

async function answerOf(child: ChildProcess, file: string): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  const died = once(child, "exit", { signal }).then(
    ([code]) => {
      throw new Error(`${file} ended with exit code ${String(code)}`);
    },
    () => undefined,
  );
  try {
    const message = await Promise.race([once(child, "message", { signal }), died]);
    return message?.[0];
  } finally {
    settled.abort();
  }
}
