/** Violations: a run without any has lost, duplicated and leaked nothing. */
export type Fault = "lost" | "doubled" | "disorder" | "wrong" | "leaked" | "stuck" | "unexpected";

/** Counts violations, and keeps the first examples of each kind. */
export class Findings {
  readonly #found = new Map<Fault, { count: number; readonly examples: string[] }>();

  add(fault: Fault, text: string): void {
    const found = this.#found.get(fault) ?? { count: 0, examples: [] };
    this.#found.set(fault, found);
    found.count += 1;
    if (found.examples.length < 8) found.examples.push(text);
  }

  count(fault: Fault): number {
    return this.#found.get(fault)?.count ?? 0;
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  lines(): string[] {
    return [...this.#found].flatMap(([fault, { count, examples }]) => [
      `${fault}: ${count}`,
      ...examples.map((example) => `  ${example}`),
    ]);
  }
}
