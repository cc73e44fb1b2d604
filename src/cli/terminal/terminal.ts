import { Command } from "commander";
import type { Readable, Writable } from "node:stream";

/** A stream of output, which may be a terminal of this size. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/**
 * Everything a command shares with the process that runs it, so that a test can run it in its own
 * process.
 */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back on each Ctrl-C and SIGTERM. */
  onStop(stop: () => void): void;
  /** Ends the process immediately. */
  exit(code: number): void;
}

/**
 * The streams and signals of this process. Getters: opening standard input has effects of its own.
 */
export const processTerminal: Terminal = {
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  env: process.env,
  onStop(stop) {
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  },
  exit: (code) => process.exit(code),
};

/** The root of the command line: its subcommands find the terminal there. */
export class RootCommand extends Command {
  readonly terminal: Terminal;

  constructor(name: string, terminal: Terminal) {
    super(name);
    this.terminal = terminal;
    this.configureOutput({
      writeOut: (line) => terminal.stdout.write(line),
      writeErr: (line) => terminal.stderr.write(line),
    });
  }

  // Subcommands are plain commands.
  override createCommand(name?: string): Command {
    return new Command(name);
  }
}

export function terminalOf(command: Command): Terminal {
  let at: Command | null = command;
  while (at !== null && !(at instanceof RootCommand)) at = at.parent;
  if (at === null) throw new Error(`${command.name()} belongs to no root command`);
  return at.terminal;
}
