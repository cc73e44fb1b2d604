/** A promise of the client, the line of source that keeps it, and the mutation that breaks it. */
export interface HeldPromise {
  /** In the user's words: a whole sentence that stands alone. */
  readonly promise: string;
  /** The line that keeps it has a comment `// promise: <id>`, at its end or above it. */
  readonly id: string;
  /** The change to that line that breaks the promise. */
  readonly mutation: Mutation;
  /** The file of the test that then fails. */
  readonly test: string;
  /** The test's name, or a part of it that is unique in the file. */
  readonly name: string;
}

/** Names nothing private, so that the source may be renamed without a change here. */
export type Mutation =
  /** Removes the statement, the property or the case. Of an `if` with an `else`, the `else` stays. */
  | "drop"
  /** Runs the statement 200 ms later. */
  | "delay"
  /** The condition is true: that of `if`, `while` or `?:`, else the value that is returned or assigned. */
  | "always"
  /** The condition is false. */
  | "never"
  /** The innermost function of the line does nothing. */
  | "empty"
  /** The innermost function of the line returns its first result again and again. */
  | "once"
  /** The first call of the line is made without arguments. */
  | "bare"
  /** Removes one operand of `&&`, `||` or `??` from the condition. The first is 0. */
  | { readonly without: number }
  /** The first call of the line becomes one of its arguments. The first is 0. */
  | { readonly argument: number }
  /** An operator or a literal becomes another one. */
  | { readonly replace: readonly [from: string, to: string] };

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
