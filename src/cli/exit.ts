import { CommanderError } from "commander";
import { KubeMQError, type ErrorCode } from "../index.js";

/** Exit codes; the help lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unavailable: 3,
  timeout: 4,
  refused: 5,
  interrupted: 130,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    done, or a stream that was stopped with Ctrl-C
  1    failed: the server refused, a command was not executed, a file cannot be read
  2    wrong usage: an unknown option, a value that is not allowed
  3    the server cannot be reached
  4    no answer in time
  5    the token or the certificate was refused, or does not allow this
  130  interrupted before it was done`;

/** Ends the command with a message of its own, not an error of the library. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT.failed,
  ) {
    super(message);
  }
}

/** The reader of the output has closed it, as `head` does: a normal end, not an error. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

const CODES: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  UNAVAILABLE: EXIT.unavailable,
  TIMEOUT: EXIT.timeout,
  UNAUTHENTICATED: EXIT.refused,
  PERMISSION_DENIED: EXIT.refused,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof Failure) return error.exitCode;
  if (isReaderGone(error)) return EXIT.ok;
  if (KubeMQError.is(error)) return CODES[error.code] ?? EXIT.failed;
  return error instanceof Error && error.name === "AbortError" ? EXIT.interrupted : EXIT.failed;
}

/** The line to print for an error; undefined when it is already printed or expected. */
export function messageOf(error: unknown): string | undefined {
  if (error instanceof CommanderError || isReaderGone(error)) return undefined;
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return "interrupted";
  if (!KubeMQError.is(error, "UNAVAILABLE")) return error.message;
  const question = error.message.includes("is a server running there?") ? "" : "is a server running there? ";
  return `${error.message} (${question}\`kubemq-es broker\` starts one)`;
}
