/** A program of README.md. */
export interface Snippet {
  /** Where it stands, for the name of its test. */
  readonly line: number;
  readonly heading: string;
  readonly code: string;
}

const FENCE = /^(?:<!-- with:\n([^]*?)\n-->\n+)?```ts\n([^]*?)\n```$/gm;

/**
 * The `ts` snippets of a text. What a snippet takes for granted stands in a comment before it, `<!-- with:` and code, which is
 * put above it; `client` and `stop` need no such comment.
 */
export function snippetsOf(readme: string): Snippet[] {
  return [...readme.matchAll(FENCE)].map((match) => {
    const before = readme.slice(0, match.index + match[0].indexOf("```ts"));
    const heading = [...before.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? "";
    const [, given = "", code = ""] = match;
    return { line: before.split("\n").length, heading, code: `${given}${given === "" ? "" : "\n"}${code}` };
  });
}

/** How long a loop of a snippet runs that somebody else is to stop. */
const STOP_AFTER_MS = 1_500;

/** A whole module: with the imports, the client and the stop signal that a snippet takes for granted, on a broker of its own. */
export function moduleOf({ code }: Snippet, address: string): string {
  const declares = (name: string) =>
    new RegExp(`\\b(?:const|let|using|function) (?:\\{[^}]*)?\\b${name}\\b`).test(code);
  const uses = (name: string) => new RegExp(`\\b${name}\\b`).test(code);
  const names = ["KubeMQClient", "KubeMQError", "forEachConcurrent", "json", "text", "bytes"];
  const imported = [...code.matchAll(/^import (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    String(list).split(/[\s,]+/),
  );
  const client = uses("client") && !declares("client");
  const wanted = names.filter(
    (name) =>
      !imported.includes(name) &&
      (new RegExp(`(?<![.\\w])${name}\\b[.(]`).test(code) || (client && name === "KubeMQClient")) &&
      !declares(name),
  );
  return [
    wanted.length > 0 ? `import { ${wanted.join(", ")} } from "kubemq-es";` : "",
    ...code.split("\n").filter((line) => /^import .* from /.test(line)),
    client ? `await using client = await KubeMQClient.connect({ address: "${address}" });` : "",
    uses("stop") && !declares("stop")
      ? `const stop = new AbortController();\nsetTimeout(() => stop.abort(), ${STOP_AFTER_MS});`
      : "",
    code
      .split("\n")
      .filter((line) => !/^import .* from /.test(line))
      .join("\n")
      .replaceAll("localhost:50000", address),
    "export {};",
    "",
  ].join("\n");
}
