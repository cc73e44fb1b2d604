import type { Command, Option } from "commander";

/** What may follow the words of a command. */
export interface Node {
  /** The words of the command, each with a space before it: `" queues send"`; `""` for the root. */
  readonly path: string;
  readonly commands: readonly Word[];
  /** Names of options: `--tls-ca` and, where there is one, `-a`. */
  readonly options: readonly OptionWord[];
  /** Allowed values of arguments. */
  readonly values: readonly string[];
}

interface Word {
  readonly name: string;
  readonly summary: string;
}

interface OptionWord {
  readonly long: string;
  readonly short: string | undefined;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** All commands below this one, itself included. */
export function nodesOf(command: Command, path = ""): Node[] {
  const node: Node = {
    path,
    commands: command.commands.map((it) => ({ name: it.name(), summary: firstLine(it.summary() || it.description()) })),
    options: command.options.map(optionWord),
    values: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
  };
  return [node, ...command.commands.flatMap((it) => nodesOf(it, `${path} ${it.name()}`))];
}

function optionWord({ long, short, description, required, optional, argChoices }: Option): OptionWord {
  const summary = firstLine(description);
  return { long: long ?? "", short, summary, takesValue: required || optional, choices: argChoices ?? [] };
}

const firstLine = (text: string) => text.split("\n")[0] ?? "";
