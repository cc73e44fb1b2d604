import type { KubeMQError } from "../api/errors.js";
import type { Service } from "../api/subscription.js";
import { Awaitable } from "../support/handlers/awaitable.js";
import { customInspect, type InspectArguments, shown } from "../support/inspect.js";

/** Several services as one: the end of one closes all. */
export class ServiceGroup extends Awaitable implements Service {
  readonly ready: Promise<void>;
  readonly #services: readonly Service[];
  /** Rejects with the error that ended a service. */
  readonly #done: Promise<void>;

  constructor(services: readonly Service[]) {
    super();
    this.#services = services;
    this.ready = Promise.all(services.map(({ ready }) => ready)).then(() => undefined);
    this.ready.catch(() => {}); // may go unobserved
    this.#done = this.#run();
  }

  get closed(): Promise<KubeMQError | undefined> {
    return this.#done.then(
      () => undefined,
      (error: KubeMQError) => error,
    );
  }

  [customInspect](...inspection: InspectArguments): string {
    return shown("Service", { services: this.#services }, inspection);
  }

  protected override get done(): Promise<void> {
    return this.#done;
  }

  async close(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.close()));
  }

  async #run(): Promise<void> {
    let first: KubeMQError | undefined;
    const ends = this.#services.map(async ({ closed }) => {
      first = (await closed) ?? first;
      await this.close(); // promise: rpc-services-end-together
    });
    await Promise.all(ends);
    // Handlers that ignore their signals, as the status has reported.
    if (first?.code === "TIMEOUT") this.#done.catch(() => {});
    if (first !== undefined) throw first;
  }
}
