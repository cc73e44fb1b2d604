import { Argument, type Command } from "commander";
import { terminalOf } from "../terminal/terminal.js";
import { bash, fish, zsh } from "./scripts.js";
import { nodesOf } from "./tree.js";

const SCRIPTS = { bash, fish, zsh };

type Shell = keyof typeof SCRIPTS;

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SCRIPTS)))
    .summary("print a script that completes commands and options")
    .addHelpText(
      "after",
      `
Examples:
  $ source <(kubemq-es completion bash)       in ~/.bashrc
  $ source <(kubemq-es completion zsh)        in ~/.zshrc, behind compinit
  $ kubemq-es completion fish | source        in ~/.config/fish/config.fish`,
    )
    .action((shell: Shell, _flags: object, command: Command) => {
      terminalOf(command).stdout.write(SCRIPTS[shell](nodesOf(program)));
    });
}
