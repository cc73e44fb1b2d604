/** What the client promises, what holds it, and what breaks it. */
export interface HeldPromise {
  /** In the user's words. */
  readonly promise: string;
  /** The file of the line that keeps it. */
  readonly file: string;
  /** The line, or the part of it that matters. It occurs once in the file. */
  readonly find: string;
  /** What takes its place to break the promise; "" removes it. */
  readonly replace: string;
  /** The file of the test that then fails. */
  readonly test: string;
  /** The test's name, or a part of it that stands in the file and that no test of the file has which is not meant. */
  readonly name: string;
}

/** Something that happens to the whole, and what holds then. */
export interface Row {
  readonly happens: string;
  readonly holds: string;
  /** Files of tests, with a name or a part of it that stands in the file. */
  readonly tests: readonly (readonly [file: string, name: string])[];
}

export interface Chapter {
  readonly title: string;
  readonly promises: readonly HeldPromise[];
}
