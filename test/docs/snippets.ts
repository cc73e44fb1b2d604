/** A program of README.md: each is complete, as a user would type it. */
export interface Snippet {
  readonly line: number;
  readonly heading: string;
  readonly code: string;
}

/** The `ts` snippets of a document. */
export function snippetsOf(readme: string): Snippet[] {
  return [...readme.matchAll(/^```ts\n([^]*?)\n```$/gm)].map((match) => {
    const before = readme.slice(0, match.index);
    const heading = [...before.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? "";
    return { line: before.split("\n").length, heading, code: `${match[1]}\n` };
  });
}
