import { asConnect } from "../support/connect-streams.js";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { kubemq } from "kubemq-es/gen";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { Connector, createTransport } from "../support/suite-transport.js";
import type { Case } from "./cases.js";
import { namesOf } from "./cases.js";
import { collect } from "./collect.js";
import type { Context } from "./expectation.js";
import { Mismatch, matchMessage, matchText } from "./expectation.js";
import type { Status } from "./live-call.js";
import { LiveCall, Writer, statusOf } from "./live-call.js";
import type { ProcessTime } from "./process-time.js";
import type { Json, JsonObject } from "./variables.js";
import { Variables, asObject, isArray, scalar } from "./variables.js";
import { messageOf } from "./wire-values.js";

type Unary = (request: Message, options?: CallOptions) => Promise<Message>;
type Streaming = (request: unknown, options?: CallOptions) => AsyncIterable<Message>;

const defaultWithinMs = 5000;
const graceMs = 500;

/** One sequence of steps: times are relative to the step before. */
interface Sequence {
  lastDoneAt: number;
}

/** Runs a case to its end. Rejects at the first step that fails, and names it. */
export async function play(story: Case, address: string, time: ProcessTime): Promise<void> {
  const sessions = new Http2SessionManager(`http://${address}`);
  const player = new Player(sessions, time);
  let cancelLimit = () => {};
  const overdue = new Promise<never>((_, reject) => {
    const late = () => reject(new Error(`${story.name} took too long`));
    cancelLimit = time.setTimer(story.timeoutMs ?? 30_000, late);
  });
  try {
    await Promise.race([player.play(story.steps), overdue]);
  } finally {
    cancelLimit();
    player.cancelAll();
    sessions.abort();
  }
}

class Player {
  readonly #client: Record<string, unknown>;
  readonly #time: ProcessTime;
  readonly #context: Context;
  readonly #calls = new Map<string, LiveCall>();
  readonly #marks = new Map<string, number>();

  constructor(sessionManager: Http2SessionManager, time: ProcessTime) {
    this.#time = time;
    const transport = createTransport({ codecs: kubemqCodecs, sessionManager: new Connector(sessionManager) });
    this.#client = createClient(kubemq, asConnect(transport));
    const run = Array.from({ length: 12 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
    const variables = new Variables(
      [
        ["run", run],
        ["ch", `case.${run}`],
        ["cl", `client-${run}`],
      ],
      () => time.now(),
    );
    this.#context = { variables, startedAt: time.now() };
  }

  async play(steps: readonly JsonObject[]): Promise<void> {
    await this.#sequence(steps, "step ");
    await this.#time.sleep(50);
    for (const { name, queue, life } of this.#calls.values()) {
      if (queue.length > 0) throw new Error(`${name} has ${queue.length} messages that no step read`);
      if (life.state === "ended" && !life.expected) {
        throw new Error(`${name} ended unexpectedly with ${life.status.code} ${life.status.message}`);
      }
    }
  }

  cancelAll(): void {
    for (const call of this.#calls.values()) call.cancel();
  }

  async #sequence(steps: readonly JsonObject[], prefix: string): Promise<void> {
    const sequence = { lastDoneAt: this.#time.ms };
    for (const [i, step] of steps.entries()) {
      try {
        await this.#step(step, sequence, `${prefix}${i + 1}`);
      } catch (error) {
        if (error instanceof Error && !error.message.startsWith("step ")) {
          throw new Error(`${prefix}${i + 1} (${scalar(step["do"])}): ${error.message}`, { cause: error });
        }
        throw error;
      }
      sequence.lastDoneAt = this.#time.ms;
      if (step["mark"] !== undefined) this.#marks.set(scalar(step["mark"]), sequence.lastDoneAt);
    }
  }

  async #step(step: JsonObject, sequence: Sequence, label: string): Promise<void> {
    const kind = scalar(step["do"]);
    switch (kind) {
      case "call":
        return this.#unary(step);
      case "open":
        return this.#open(step);
      case "write":
        return this.#write(step);
      case "next":
        return this.#next(step, sequence);
      case "silence":
        return this.#silence(step);
      case "halfClose":
        return this.#call(step["on"]).writer?.close();
      case "cancel":
        return this.#cancel(step);
      case "end":
        return this.#end(step, sequence);
      case "subscribed":
        return this.#subscribed(step);
      case "sleep":
        return this.#time.sleep(Number(step["ms"]));
      case "parallel": {
        const groups = (step["groups"] as readonly (readonly JsonObject[])[]).map((group, i) =>
          this.#sequence(group, `${label}.${i + 1}.`),
        );
        await Promise.all(groups);
        return undefined;
      }
      case "collect":
        return collect(step, (name) => this.#call(name), this.#context, this.#time);
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  async #unary(step: JsonObject): Promise<void> {
    const method = this.#method(step["rpc"]);
    const invoke = this.#client[method.localName] as Unary;
    const began = this.#time.ms;
    let outcome: Message | Status;
    try {
      outcome = await invoke(this.#request(method, step["request"]));
    } catch (error) {
      outcome = statusOf(error);
    }
    const failed = "code" in outcome;
    if (step["expectStatus"] !== undefined) {
      if (!failed) throw new Mismatch("status", step["expectStatus"], outcome);
      this.#matchStatus(step["expectStatus"], outcome as Status);
    } else {
      if (failed) throw new Mismatch("status", "success", outcome);
      if (step["as"] === undefined)
        matchMessage(method.output, step["expect"] ?? {}, outcome as Message, this.#context);
      else this.#keep(scalar(step["as"]), outcome as Message);
    }
    this.#checkWindow(step, began);
  }

  #keep(name: string, answer: Message): void {
    const call = new LiveCall(name, this.#time);
    call.arrive(answer);
    this.#calls.set(name, call);
  }

  async #open(step: JsonObject): Promise<void> {
    const method = this.#method(step["rpc"]);
    const name = scalar(step["as"]);
    const writer = method.methodKind === "bidi_streaming" ? new Writer() : undefined;
    const call = new LiveCall(name, this.#time, writer);
    this.#calls.set(name, call);
    this.#outputs.set(name, method);
    const invoke = this.#client[method.localName] as Streaming;
    const options = { signal: call.signal, onHeader: () => call.accept() };
    void call.read(invoke(writer ?? this.#request(method, step["request"]), options));
  }

  readonly #outputs = new Map<string, DescMethod>();

  #write(step: JsonObject): void {
    const call = this.#call(step["on"]);
    if (call.life.state === "ended") throw new Error(`${call.name} has ended with ${call.life.status.message}`);
    const method = this.#methodOf(call);
    call.writer?.write(this.#request(method, step["message"]));
  }

  async #next(step: JsonObject, sequence: Sequence): Promise<void> {
    const call = this.#call(step["on"]);
    await call.until(() => call.queue.length > 0 || call.life.state === "ended", waitMs(step));
    const message = call.queue.shift();
    if (message === undefined) {
      const { life } = call;
      const how = life.state === "ended" ? `it ended: ${life.status.code} ${life.status.message}` : "nothing came";
      throw new Error(`a message was expected on ${call.name}, but ${how}`);
    }
    this.#checkWindow(step, sequence.lastDoneAt);
    matchMessage(this.#methodOf(call).output, step["expect"] ?? {}, message, this.#context);
  }

  async #end(step: JsonObject, sequence: Sequence): Promise<void> {
    const call = this.#call(step["on"]);
    await call.until(() => call.queue.length > 0 || call.life.state === "ended", waitMs(step));
    const { life } = call;
    if (call.queue.length > 0) throw new Error(`a message came on ${call.name} before its end`);
    if (life.state === "running") throw new Error(`${call.name} did not end`);
    this.#checkWindow(step, sequence.lastDoneAt);
    this.#matchStatus(step["expectStatus"] ?? { code: 0 }, life.status);
    call.expectEnd();
  }

  async #silence(step: JsonObject): Promise<void> {
    const calls = namesOf(step["on"]).map((name) => this.#call(name));
    const check = () => {
      for (const { name, queue, life } of calls) {
        if (queue.length > 0) throw new Error(`a message came on ${name}, which was to be silent`);
        if (life.state === "ended" && !life.expected) throw new Error(`${name} ended`);
      }
    };
    check();
    await this.#time.sleep(Number(step["ms"]));
    check();
  }

  async #cancel(step: JsonObject): Promise<void> {
    for (const name of namesOf(step["on"])) {
      const call = this.#call(name);
      call.cancel();
      if (!(await call.until(() => call.life.state === "ended", defaultWithinMs))) {
        throw new Error(`${name} did not end after it was cancelled`);
      }
      call.expectEnd();
    }
  }

  async #subscribed(step: JsonObject): Promise<void> {
    for (const name of namesOf(step["on"])) {
      const call = this.#call(name);
      await call.until(() => call.active || call.life.state === "ended", defaultWithinMs);
      const { life } = call;
      if (life.state === "ended") throw new Error(`${name} ended: ${life.status.message}`);
      if (!call.active) throw new Error(`${name} was not accepted`);
    }
  }

  #checkWindow(step: JsonObject, otherwise: number): void {
    const window = windowOf(step);
    if (window === undefined) return;
    const mark = step["since"];
    const since = mark === undefined ? otherwise : (this.#marks.get(scalar(mark)) ?? otherwise);
    const took = this.#time.ms - since;
    if (took < window[0] || took > window[1]) throw new Mismatch("latencyMs", window, took);
  }

  #matchStatus(expected: Json, status: Status): void {
    const { code, message } = asObject(expected);
    if (code !== status.code) throw new Mismatch("status.code", expected, status);
    if (message !== undefined) matchText(message, status.message, this.#context, "status.message");
  }

  #request(method: DescMethod, json: Json | undefined): Message {
    return messageOf(method.input, asObject(json ?? {}), this.#context.variables);
  }

  #method(rpc: Json | undefined): DescMethod {
    const method = kubemq.methods.find(({ name }) => name === rpc);
    if (method === undefined) throw new Error(`no such RPC: ${scalar(rpc)}`);
    return method;
  }

  #methodOf(call: LiveCall): DescMethod {
    const method = this.#outputs.get(call.name);
    if (method === undefined) throw new Error(`${call.name} is not a stream`);
    return method;
  }

  #call(name: Json | undefined): LiveCall {
    const call = this.#calls.get(scalar(name));
    if (call === undefined) throw new Error(`no call is named ${scalar(name)}`);
    return call;
  }
}

function windowOf(step: JsonObject): readonly [number, number] | undefined {
  const window = step["latencyMs"];
  return isArray(window) ? [Number(window[0]), Number(window[1])] : undefined;
}

function waitMs(step: JsonObject): number {
  const window = windowOf(step);
  return window === undefined ? Number(step["withinMs"] ?? defaultWithinMs) : window[1] + graceMs;
}
