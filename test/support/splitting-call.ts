import { Http2Call } from "../../src/transport/calls/call.js";

/** A call that is never sent: it splits the chunks it is given into messages. */
export class SplittingCall extends Http2Call {
  readonly #onMessage: (bytes: Buffer, start: number, end: number) => void;
  error: unknown;

  constructor(readMaxBytes: number, onMessage: (bytes: Buffer, start: number, end: number) => void) {
    super({
      signal: undefined,
      deadlineMs: undefined,
      readMaxBytes,
      writeMaxBytes: 0,
      request: () => Promise.reject(new Error("not sent")),
    });
    this.#onMessage = onMessage;
  }

  get atBoundary(): boolean {
    return this.isAtBoundary;
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    this.#onMessage(bytes, start, end);
  }

  protected override onOver(error: unknown): void {
    this.error = error;
  }

  protected override onOpen(): void {}
  override onResponse(): void {}
  override onTrailers(): void {}
  override onEnd(): void {}
  override onClose(): void {}
}
