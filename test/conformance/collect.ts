import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createRegistry } from "@bufbuild/protobuf";
import { file_kubemq } from "kubemq-es/gen";
import { namesOf } from "./cases.js";
import type { Context } from "./expectation.js";
import { Mismatch, matchMessage } from "./expectation.js";
import type { LiveCall } from "./live-call.js";
import type { ProcessTime } from "./process-time.js";
import type { Json, JsonObject, Variables } from "./variables.js";
import { asObject, isArray, itemsOf, scalar } from "./variables.js";
import { textOf } from "./wire-values.js";

/** A message or one of its items, and its origin. */
interface Arrival {
  readonly call: string;
  readonly item: Message;
}

const registry = createRegistry(file_kubemq);

function descOf(message: Message): DescMessage {
  const desc = registry.getMessage(message.$typeName);
  if (desc === undefined) throw new Error(`no such message: ${message.$typeName}`);
  return desc;
}

/**
 * Collects the messages of several calls, in any order between them, and compares them as a whole.
 */
export async function collect(
  step: JsonObject,
  callOf: (name: string) => LiveCall,
  context: Context,
  time: ProcessTime,
): Promise<void> {
  const calls = namesOf(step["from"]).map(callOf);
  const count = Number(step["count"]);
  const arrivals: Arrival[] = [];
  const take = () => {
    for (const call of calls) {
      for (const message of call.queue.splice(0)) {
        if (step["message"] !== undefined) {
          matchMessage(descOf(message), step["message"], message, context);
        }
        for (const item of itemsIn(message, step["items"])) arrivals.push({ call: call.name, item });
      }
    }
    return arrivals.length;
  };
  const deadline = time.ms + Number(step["withinMs"] ?? 5000);
  while (take() < count && time.ms < deadline) await time.sleep(5);
  await time.sleep(Number(step["quietMs"] ?? 200));
  if (take() !== count) throw new Mismatch("count", count, arrivals.length);
  if (step["each"] !== undefined) matchEach(step["each"], arrivals, context);
  if (!isArray(step["groups"])) return;
  const path = scalar(step["key"]);
  const keyed = arrivals.map(({ call, item }) => ({ call, key: keyOf(item, path) }));
  for (const group of step["groups"]) checkGroup(asObject(group), keyed, context.variables);
}

function matchEach(expected: Json, arrivals: readonly Arrival[], context: Context): void {
  for (const { item } of arrivals) {
    let failure: unknown;
    // Returning false discards the variables that it bound.
    context.variables.tentatively(() => {
      try {
        matchMessage(descOf(item), expected, item, context);
      } catch (error) {
        failure = error;
      }
      return false;
    });
    if (failure !== undefined) throw failure;
  }
}

interface Keyed {
  readonly call: string;
  readonly key: string;
}

function checkGroup(group: JsonObject, all: readonly Keyed[], variables: Variables): void {
  const names = namesOf(group["calls"]);
  const mine = all.filter(({ call }) => names.includes(call));
  const path = names.join("+");
  const orders = isArray(group["inOrder"]) ? group["inOrder"].map((list) => keysOf(list, variables)) : [];
  const once = group["exactlyOnce"] === undefined ? orders.flat() : keysOf(group["exactlyOnce"], variables);
  if (group["exactlyOnce"] !== undefined || orders.length > 0) {
    const received = mine.map(({ key }) => key).sort();
    if (JSON.stringify(received) !== JSON.stringify([...once].sort())) throw new Mismatch(path, once, received);
  }
  for (const name of names) {
    const own = mine.filter(({ call }) => call === name).map(({ key }) => key);
    for (const order of orders) {
      const part = own.filter((key) => order.includes(key));
      const sorted = order.filter((key) => part.includes(key));
      if (JSON.stringify(part) !== JSON.stringify(sorted)) throw new Mismatch(`order on ${name}`, sorted, part);
    }
    if (own.length < Number(group["atLeastEach"] ?? 0)) {
      throw new Mismatch(`count on ${name}`, group["atLeastEach"], own.length);
    }
  }
}

const keysOf = (list: Json, variables: Variables) =>
  itemsOf(list, variables).map(([item, own]) => String(own.text(scalar(item))));

function itemsIn(message: Message, field: Json | undefined): readonly Message[] {
  if (field === undefined) return [message];
  return (message as unknown as Record<string, Message[]>)[scalar(field)] ?? [];
}

function keyOf(item: Message, path: string): string {
  let value: unknown = item;
  for (const name of path.split(".")) value = (value as Record<string, unknown>)[name];
  return value instanceof Uint8Array ? textOf(value) : String(value);
}
