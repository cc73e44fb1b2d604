import { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { HostedStream } from "../../connection/hosted-stream.js";
import { onAbort } from "../../support/abort.js";
import type { Subject } from "../../support/checks.js";
import { clientClosed, wasCutOff } from "../../support/faults.js";
import { beginResend } from "./policy.js";

/** Bounds of a call with all its attempts. */
export interface ResendBounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Number of messages that the call sends. */
  readonly messages: number;
}

/** An attempt. `settles`: it belongs to a call that began before a close, which waits for it. */
export type Attempt<T> = (leftMs: number, settles: boolean) => Promise<T>;

/** Makes a call, and repeats it as long as it ends without an answer from a server. */
export async function callAgain<T>(
  connection: Connection,
  subject: Subject,
  { timeoutMs, signal, messages }: ResendBounds,
  attempt: Attempt<T>,
): Promise<T> {
  const { clock } = connection;
  const until = clock.now() + timeoutMs;
  let wait: Wait | undefined;
  let lost: KubeMQError | undefined;
  try {
    for (let failures = 1, leftMs = timeoutMs; ; failures++) {
      try {
        return await attempt(leftMs, wait !== undefined);
      } catch (error) {
        // The lost connections of the attempts before explain the failure better than this
        // time-out.
        if (failures > 2 && isOwnTimeout(error)) throw lastOf(lost ?? error, failures, subject);
        if (!KubeMQError.is(error) || !wasCutOff(error)) throw error;
        lost = error;
        wait ??= Wait.joined(connection, subject);
        if (wait === undefined) throw error;
        const failed = { messages, failures, error, timeoutMs, leftMs: until - clock.now() };
        const delayMs = beginResend(connection, subject, failed);
        if (delayMs === undefined) throw lastOf(error, failures, subject);
        await wait.over(delayMs, signal);
        leftMs = Math.max(1, Math.ceil(until - clock.now()));
      }
    }
  } finally {
    wait?.leave();
  }
}

/** Whether the client has stopped waiting, as opposed to the server. */
function isOwnTimeout(error: unknown): error is KubeMQError {
  return KubeMQError.is(error, "TIMEOUT") && error.serverCode === undefined;
}

/** The error of the last attempt, with the number of attempts. */
function lastOf(error: KubeMQError, attempts: number, subject: Subject): KubeMQError {
  if (attempts === 1) return error;
  const { code, message, cause, retryable } = error;
  return new KubeMQError(code, `${message} (attempt ${attempts})`, { ...subject, cause, retryable });
}

/** The delays of one call. The client counts it as open work meanwhile. */
class Wait implements HostedStream {
  readonly #connection: Connection;
  readonly #subject: Subject;
  #end: (error: unknown) => void = () => {};
  #onLeft: () => void = () => {};

  private constructor(connection: Connection, subject: Subject) {
    this.#connection = connection;
    this.#subject = subject;
  }

  /** Undefined when the client closes. */
  static joined(connection: Connection, subject: Subject): Wait | undefined {
    const wait = new Wait(connection, subject);
    try {
      connection.join(wait, subject, false);
      return wait;
    } catch {
      return undefined;
    }
  }

  over(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const free: (() => void)[] = [];
      const settle = (finish: () => void) => {
        for (const one of free.splice(0)) one();
        finish();
      };
      this.#end = (error) => settle(() => reject(error));
      free.push(this.#connection.clock.setTimer(delayMs, () => settle(resolve)));
      free.push(onAbort(signal, () => settle(() => reject(signal?.reason))));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => (this.#onLeft = resolve));
  }

  cancel(): void {
    this.#end(clientClosed(this.#subject));
  }

  leave(): void {
    this.#connection.leave(this);
    this.#onLeft();
  }
}
