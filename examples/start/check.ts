// What the parts share: a check that fails the program, and a wait for the moment when all is there.

/** Says what was received, and fails the program when it is not what was sent. */
export function check(what: string, received: readonly unknown[], expected: readonly unknown[]): void {
  const wrong = received.length !== expected.length || received.some((item, n) => item !== expected[n]);
  console.log(`  ${what}: ${received.length} of ${expected.length}${wrong ? ", WRONG" : ""}`);
  if (wrong) process.exitCode = 1;
}

/** Counts what arrives; `all` resolves when everything is there, or when nothing came for ten seconds. */
export class Arrivals {
  readonly all: Promise<void>;
  #missing: number;
  #resolve: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(expected: number) {
    this.#missing = expected;
    this.all = new Promise((resolve) => (this.#resolve = resolve));
    this.#watch();
  }

  arrived(): void {
    this.#missing -= 1;
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#missing <= 0) this.#resolve();
    else this.#timer = setTimeout(this.#resolve, 10_000);
  }
}
