import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A child process that answers requests. It exits when its parent exits. */
export interface Child extends Disposable {
  /** The first message that it sent. */
  readonly greeting: unknown;
  ask(message: unknown): Promise<unknown>;
}

export interface ChildOptions {
  readonly nodeFlags?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function start(
  file: string,
  args: readonly string[] = [],
  { nodeFlags = [], env = {} }: ChildOptions = {},
): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: [...nodeFlags],
    env: { ...process.env, ...env },
  });
  // Nobody can go on without the process: the benchmark ends with this error.
  child.on("exit", (code) => {
    if (code !== 0) throw new Error(`${file} ended with exit code ${String(code)}`);
  });
  const answer = async (): Promise<unknown> => (await once(child, "message"))[0];
  return {
    greeting: await answer(),
    ask(message) {
      const answered = answer();
      child.send(message as object);
      return answered;
    },
    [Symbol.dispose]: () => child.disconnect(),
  };
}
