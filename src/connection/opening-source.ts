import type { Reader, Source } from "../transport/index.js";

type State<T> =
  | { readonly kind: "opening"; reader: Reader<T> | undefined }
  | { readonly kind: "open"; readonly source: Source<T> }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "cancelled" };

/**
 * A source whose call cannot be opened yet, for example because the call waits for its token. After
 * the opening, the call delivers its messages directly to the reader.
 */
export class OpeningSource<T> implements Source<T> {
  #state: State<T> = { kind: "opening", reader: undefined };
  readonly #onCancel: () => void;

  /** @param onCancel ends the wait; the promise may or may not settle afterwards */
  constructor(opening: Promise<Source<T>>, onCancel: () => void) {
    this.#onCancel = onCancel;
    opening.then(
      (source) => this.#opened(source),
      (error: unknown) => this.#failed(error),
    );
  }

  read(reader: Reader<T>): void {
    const state = this.#state;
    if (state.kind === "opening") state.reader = reader;
    else if (state.kind === "open") state.source.read(reader);
    else if (state.kind === "failed") reader.end(state.error);
  }

  resume(): void {
    if (this.#state.kind === "open") this.#state.source.resume();
  }

  cancel(): void {
    const state = this.#state;
    this.#state = { kind: "cancelled" };
    if (state.kind === "open") state.source.cancel();
    else if (state.kind === "opening") this.#onCancel();
  }

  #opened(source: Source<T>): void {
    const state = this.#state;
    if (state.kind !== "opening") return source.cancel();
    this.#state = { kind: "open", source };
    if (state.reader !== undefined) source.read(state.reader);
  }

  #failed(error: unknown): void {
    const state = this.#state;
    if (state.kind !== "opening") return;
    this.#state = { kind: "failed", error };
    state.reader?.end(error);
  }
}
