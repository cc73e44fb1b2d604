import type { Node } from "./tree.js";

/** A string in single quotes, which sh, zsh and fish read as it is. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Words of a list between quotes: names have no characters that a shell would expand. */
const list = (words: readonly string[]) => quoted(words.join(" "));

const pathsOf = (nodes: readonly Node[]) => nodes.flatMap(({ path }) => (path === "" ? [] : [path]));

const namesOf = ({ options }: Node) =>
  options.flatMap(({ long, short }) => (short === undefined ? [long] : [short, long]));

/** `source <(kubemq-es completion bash)`; values of options that are not known are file names. */
export function bash(nodes: readonly Node[]): string {
  const valued = nodes.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue));
  const choices = new Map(valued.filter((it) => it.choices.length > 0).map((it) => [it.long, it.choices]));
  const free = new Set(valued.filter((it) => it.choices.length === 0).flatMap((it) => [it.long, it.short ?? it.long]));
  return `# bash completion of kubemq-es
_kubemq_es() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${pathsOf(nodes).map(quoted).join("|")}) at="$at $word" ;;
    esac
  done
  case "$prev" in
${[...choices].map(([name, values]) => `    ${name}) COMPREPLY=($(compgen -W ${list(values)} -- "$cur")); return ;;`).join("\n")}
    ${[...free].join("|")}) COMPREPLY=(); return ;;
  esac
  case "$at" in
${nodes.map((node) => `    ${quoted(node.path)}) words=${list([...node.commands.map(({ name }) => name), ...node.values, ...namesOf(node)])} ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _kubemq_es kubemq-es
`;
}

/** `source <(kubemq-es completion zsh)`, behind `compinit`. */
export function zsh(nodes: readonly Node[]): string {
  const described = (name: string, summary: string) => quoted(`${name.replaceAll(":", String.raw`\:`)}:${summary}`);
  const cases = nodes.map((node) => {
    const commands = [
      ...node.commands.map(({ name, summary }) => described(name, summary)),
      ...node.values.map((value) => described(value, value)),
    ];
    const options = node.options.map(({ long, summary }) => described(long, summary));
    return `    ${quoted(node.path)}) commands=(${commands.join(" ")}); options=(${options.join(" ")}) ;;`;
  });
  return `#compdef kubemq-es
_kubemq_es() {
  local at='' word
  local -a commands options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${pathsOf(nodes)
        .map((path) => quoted(path))
        .join("|")}) at="$at $word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    _describe option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
compdef _kubemq_es kubemq-es
`;
}

/** `kubemq-es completion fish | source`. */
export function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, options, values }) => {
    const here = `complete -c kubemq-es -n ${quoted(`__kubemq_es_at "${path}"`)}`;
    return [
      ...commands.map(({ name, summary }) => `${here} -f -a ${quoted(name)} -d ${quoted(summary)}`),
      ...(values.length > 0 ? [`${here} -f -a ${list(values)}`] : []),
      ...options.map(({ long, short, summary, takesValue, choices }) => {
        const names = `-l ${long.replace(/^--/, "")}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
        const value = choices.length > 0 ? ` -x -a ${list(choices)}` : takesValue ? " -r" : "";
        return `${here} ${names}${value} -d ${quoted(summary)}`;
      }),
    ];
  });
  return `# fish completion of kubemq-es
function __kubemq_es_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${pathsOf(nodes).map(quoted).join(" ")}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}
