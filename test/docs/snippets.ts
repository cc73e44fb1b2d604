/** A program of a page: each is complete, as a user would type it. */
export interface Snippet {
  readonly line: number;
  readonly heading: string;
  readonly code: string;
  /** The lines that it prints, where the page has them: a `text` block right behind the program. */
  readonly prints: readonly string[] | undefined;
}

/** The `ts` programs of a page. */
export function snippetsOf(page: string): Snippet[] {
  return [...page.matchAll(/^```ts\n([^]*?)\n```$(?:\n\n```text\n([^]*?)\n```$)?/gm)].map((match) => {
    const before = page.slice(0, match.index);
    const heading = [...before.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? "";
    return { line: before.split("\n").length, heading, code: `${match[1]}\n`, prints: match[2]?.split("\n") };
  });
}
