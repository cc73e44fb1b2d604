/** A service can be awaited as the promise of its end. */
export abstract class Awaitable implements Promise<void>, AsyncDisposable {
  /** Rejects with the error that ended the service. */
  protected abstract get done(): Promise<void>;

  abstract close(): Promise<void>;

  get [Symbol.toStringTag](): string {
    return "Service";
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a service is awaited as the promise of its end
  then<A = void, B = never>(
    onEnd?: ((value: void) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.done.then(onEnd, onError);
  }

  catch<B = never>(onError?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<void | B> {
    return this.done.catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<void> {
    return this.done.finally(onEnd);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
