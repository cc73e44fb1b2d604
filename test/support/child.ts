import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { programAt } from "./program.js";
import { within } from "./until.js";

interface Answer {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A program in a separate process that offers an object; see {@link offer}. */
export class Child {
  readonly #name: string;
  readonly #child: ChildProcess;
  #asked = 0;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
  }

  /** Starts the program, and resolves with what it told when it was ready. */
  static async start<T>(name: string, path: string, options: object): Promise<{ child: Child; ready: T }> {
    const { file, execArgv } = programAt(path);
    const process = fork(file, [JSON.stringify(options)], {
      execArgv: [...execArgv],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const [ready] = (await within(30_000, `${name} is up`, once(process, "message"))) as [T];
    return { child: new Child(name, process), ready };
  }

  /** Calls a method of the object in the other process, such as `call(["faults", "goAway"])`. */
  call(path: readonly string[], ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => {
      const onMessage = (message: Answer) => {
        if (message.id !== id) return;
        this.#child.off("message", onMessage);
        if (message.error === undefined) resolve(message.value);
        else reject(new Error(message.error));
      };
      this.#child.on("message", onMessage);
    });
    this.#child.send({ id, path, args });
    return within(10_000, `${this.#name} answers ${path.join(".")}`, answer);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/** In the child: lets the parent call the methods of an object, and its parts, over IPC. */
export function offer(target: unknown, ready: object): void {
  process.on("disconnect", () => process.exit());
  // Ctrl-C reaches the whole process group; the parent decides when this process ends.
  process.on("SIGINT", () => {});
  process.on("message", async ({ id, path, args }: { id: number; path: string[]; args: unknown[] }) => {
    const reply = (answer: object) => process.send?.({ id, ...answer });
    try {
      let owner: unknown;
      let value: unknown = target;
      for (const name of path) {
        owner = value;
        value = (value as Record<string, unknown>)[name];
      }
      reply({ value: await (value as (...args: unknown[]) => unknown).apply(owner, args) });
    } catch (error) {
      reply({ error: String(error) });
    }
  });
  process.send?.(ready);
}
