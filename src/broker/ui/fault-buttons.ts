import type { Faults } from "../faults.js";
import type { Quirks } from "../quirks.js";
import { Refusal } from "./guard.js";

type Form = Readonly<Record<string, unknown>>;

/** What an injected fault did. */
export interface FaultReport {
  readonly outcome: string;
}

const called = (call: string, result: unknown): FaultReport => ({
  outcome: typeof result === "number" ? `${call}: ${result} ${result === 1 ? "call" : "calls"}` : call,
});

const buttons: Readonly<Record<string, (faults: Faults, form: Form) => unknown>> = {
  dropConnections: (faults) => faults.dropConnections(),
  finishConnections: (faults) => faults.finishConnections(),
  goAway: (faults) => faults.goAway(),
  refuseConnections: (faults) => faults.refuseConnections(),
  allowConnections: (faults) => faults.allowConnections(),
  pauseReading: (faults) => faults.pauseReading(),
  resumeReading: (faults) => faults.resumeReading(),
  pauseWriting: (faults) => faults.pauseWriting(),
  resumeWriting: (faults) => faults.resumeWriting(),
  delayReplies: (faults, form) => faults.delayReplies(number(form, "ms", 60_000)),
  endStreams: (faults, form) => faults.endStreams({ rpc: rpcOf(form), code: number(form, "code", 16) }),
  resetStreams: (faults, form) => faults.resetStreams({ rpc: rpcOf(form) }),
  closeByServer: (faults) => faults.closeByServer(),
  restart: (faults, form) => faults.restart({ keepMemory: form["keepMemory"] !== false }),
};

/** Injects the fault that a button stands for, or sets a quirk. */
export async function injectFault(broker: { faults: Faults; quirks: Quirks }, form: Form): Promise<FaultReport> {
  const { fault, quirk } = form;
  if (typeof quirk === "string") {
    if (!Object.hasOwn(broker.quirks, quirk)) throw new Refusal(400, `there is no quirk ${quirk}`);
    broker.quirks[quirk as keyof Quirks] = form["on"] === true;
    return { outcome: `quirks.${quirk} = ${String(form["on"] === true)}` };
  }
  const inject = typeof fault === "string" && Object.hasOwn(buttons, fault) ? buttons[fault] : undefined;
  if (inject === undefined) throw new Refusal(400, `there is no fault ${String(fault)}`);
  return called(`faults.${String(fault)}()`, await inject(broker.faults, form));
}

function number(form: Form, name: string, most: number): number {
  const value = form[name] ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) {
    throw new Refusal(400, `${name} must be a whole number from 0 to ${most}`);
  }
  return value;
}

const rpcOf = ({ rpc }: Form) => (typeof rpc === "string" && rpc !== "" ? rpc : undefined);
