import type { Chapter } from "./promise.js";

const terminal = "test/cli/terminal.test.ts";
const jsonl = "test/cli/jsonl.test.ts";

export const cli: Chapter = {
  title: "Command line",
  promises: [
    {
      promise: "A message does not control the terminal that shows it.",
      id: "terminal-escaped",
      mutation: { replace: ["escape: tty", "escape: false"] },
      test: terminal,
      name: "control characters of a message do not reach a terminal, and line ends are escaped",
    },
    {
      promise: "Nor does it as JSON, which stays equal.",
      id: "terminal-json-escaped",
      mutation: { replace: ["tty ?", "false ?"] },
      test: terminal,
      name: "control characters are escaped between colours, and in JSON whose value stays the same",
    },
    {
      promise: "A message is saved and restored as it was, whatever its bytes.",
      id: "jsonl-restored",
      mutation: { replace: ['split("\\n")', "split(/[\\n\\u2028]/)"] },
      test: jsonl,
      name: "a queue is saved by consume --jsonl and restored by send --jsonl as it was",
    },
    {
      promise: "The token of the environment is not sent to a server of the configuration file.",
      id: "server-token-apart",
      mutation: "always",
      test: "test/cli/servers.test.ts",
      name: "the option --server does not send the token of the environment to a server of the file",
    },
    {
      promise: "Tags of a request set no other variable of the program that answers it.",
      id: "exec-tags-prefixed",
      mutation: { replace: ["KUBEMQ_TAG_", ""] },
      test: "test/cli/respond.test.ts",
      name: "respond --exec passes channel, id, metadata and tags in the environment, with --shell to a shell",
    },
  ],
};
