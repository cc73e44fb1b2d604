/** Any JSON value of a case file. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** The possible values of a variable. */
export type Variable = string | number | boolean | bigint | Uint8Array;

const reference = /\$\{(\w+)([+-]\d+)?\}/g;
const loneReference = /^\$\{(\w+)([+-]\d+)?\}$/;

/** The variables of one run of a case. */
export class Variables {
  #values: ReadonlyMap<string, Variable>;
  readonly #now: () => bigint;

  constructor(values: Iterable<readonly [string, Variable]>, now: () => bigint) {
    this.#values = new Map(values);
    this.#now = now;
  }

  get(name: string): Variable | undefined {
    return name === "nowNs" ? this.#now() : this.#values.get(name);
  }

  /** In nanoseconds since 1970. */
  get now(): bigint {
    return this.#now();
  }

  set(name: string, value: Variable): void {
    this.#values = new Map([...this.#values, [name, value]]);
  }

  with(name: string, value: Variable): Variables {
    return new Variables([...this.#values, [name, value]], this.#now);
  }

  /** Discards the variables that `attempt` bound, unless it returns true. */
  tentatively(attempt: () => boolean): boolean {
    const before = this.#values;
    const succeeded = attempt();
    if (!succeeded) this.#values = before;
    return succeeded;
  }

  /**
   * A string with its references replaced. A string that is only a reference has the value's type.
   */
  text(template: string): Variable {
    const lone = loneReference.exec(template);
    if (lone !== null) return this.#look(lone[1] ?? "", lone[2]);
    return template.replaceAll(reference, (_, name: string, offset?: string) => String(this.#look(name, offset)));
  }

  #look(name: string, offset: string | undefined): Variable {
    const value = this.get(name);
    if (value === undefined) throw new Error(`the case refers to \${${name}}, which nothing set`);
    return offset === undefined ? value : BigInt(String(value)) + BigInt(offset);
  }
}

/** The items of an array or of a `$list`, each with its variables. */
export function itemsOf(value: Json | undefined, variables: Variables): readonly (readonly [Json, Variables])[] {
  if (isArray(value)) return value.map((item) => [item, variables] as const);
  const list = asObject(value)["$list"];
  const { count, item } = asObject(list);
  if (item === undefined) throw new Error(`not a list: ${JSON.stringify(value)}`);
  return Array.from({ length: Number(count) }, (_, i) => [item, new Indexed(variables, i)] as const);
}

/** Variables with `${i}`: a bound variable holds for the whole case. */
class Indexed extends Variables {
  readonly #outer: Variables;
  readonly #index: number;

  constructor(outer: Variables, index: number) {
    super([], () => outer.now);
    this.#outer = outer;
    this.#index = index;
  }

  override get(name: string): Variable | undefined {
    return name === "i" ? BigInt(this.#index) : this.#outer.get(name);
  }

  override set(name: string, value: Variable): void {
    this.#outer.set(name, value);
  }

  override tentatively(attempt: () => boolean): boolean {
    return this.#outer.tentatively(attempt);
  }
}

export const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function asObject(value: Json | undefined): JsonObject {
  if (isObject(value)) return value;
  throw new Error(`not an object: ${JSON.stringify(value)}`);
}

/** A value that is not a structure, as a string. */
export function scalar(value: Json | undefined): string {
  if (typeof value === "object" || value === undefined) {
    throw new Error(`not a single value: ${JSON.stringify(value)}`);
  }
  return String(value);
}
