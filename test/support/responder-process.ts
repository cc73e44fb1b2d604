import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { programAt } from "./program.js";
import { within } from "./until.js";

/** A responder in a separate process. */
export class ResponderProcess implements AsyncDisposable {
  /** The requests that it reported as received. */
  readonly taken = new Set<string>();

  private constructor(
    readonly clientId: string,
    private readonly child: ChildProcess,
  ) {
    child.on("message", (message: { taken?: string[] }) => {
      for (const text of message.taken ?? []) this.taken.add(text);
    });
  }

  static async start(
    address: string,
    channel: string,
    group: string,
    clientId: string,
    mode = "",
  ): Promise<ResponderProcess> {
    const { file, execArgv } = programAt("test/programs/responder-child.ts");
    const child = fork(file, [address, channel, group, clientId, mode], {
      execArgv: [...execArgv],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const responder = new ResponderProcess(clientId, child);
    await within(60_000, "the responder process is ready", once(child, "message"));
    return responder;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
