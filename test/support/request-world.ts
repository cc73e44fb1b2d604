import { KubeMQClient } from "kubemq-es";
import { ManualClock, startBroker, type Broker } from "kubemq-es/testing";
import { FakeClock } from "./fake-clock.js";
import { Leftovers } from "./leftovers.js";
import { TcpProxy } from "./tcp-proxy.js";

/**
 * Longer than any test: a time-out passes when the test advances the clock, not because the machine
 * is slow.
 */
export const PATIENCE_MS = 120_000;

/**
 * A requester and a responder on one broker. The responder's connection can be cut, and it shares the
 * broker's clock.
 */
export class RequestWorld implements AsyncDisposable {
  readonly requester: KubeMQClient;
  readonly responder: KubeMQClient;

  private constructor(
    readonly broker: Broker,
    readonly line: TcpProxy,
    private readonly brokerClock: ManualClock,
    private readonly responderClock: FakeClock,
    private readonly leftovers: Leftovers,
  ) {
    this.requester = new KubeMQClient({ address: broker.address, clientId: "requester" });
    const seam = { clock: responderClock };
    this.responder = new KubeMQClient({ address: line.address, clientId: "responder" }, seam);
  }

  static async start(): Promise<RequestWorld> {
    const leftovers = new Leftovers();
    const brokerClock = new ManualClock();
    const broker = await startBroker({ clock: brokerClock });
    const line = await TcpProxy.start(broker.port);
    return new RequestWorld(broker, line, brokerClock, new FakeClock(), leftovers);
  }

  /** Awaits the `ready` of a responder's subscription, which takes some time of its clock. */
  ready(responding: { readonly ready: Promise<void> }): Promise<void> {
    return this.responderClock.passUntil(responding.ready);
  }

  /** Advances the clock of the broker and the responder. */
  async pass(ms: number): Promise<void> {
    this.brokerClock.advance(ms);
    await this.responderClock.advance(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.requester.close({ timeoutMs: 200 }),
      this.responder.close({ timeoutMs: 1 }),
      this.pass(10_000),
    ]);
    await this.leftovers.checkCalls(this.broker);
    await this.line[Symbol.asyncDispose]();
    await this.broker.close();
    await this.leftovers.check();
  }
}

/** The outcome of a promise in a word or two. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    const value = (await promise) as { ok?: boolean; error?: string } | undefined;
    if (value?.ok === undefined) return "sent";
    return value.ok ? "executed" : `not executed: ${value.error}`;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  }
}
