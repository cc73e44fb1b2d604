import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Json, JsonObject } from "./variables.js";
import { isArray, scalar } from "./variables.js";

/** A recorded exchange with a KubeMQ server. */
export interface Case {
  readonly name: string;
  readonly about: string;
  /** `community`: behaviour that only the community server has. */
  readonly serverProfile?: string;
  readonly timeoutMs?: number;
  readonly steps: readonly JsonObject[];
}

export function loadCases(folder: string): Case[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Case);
}

/** A name or a list of names. */
export function namesOf(value: Json | undefined): readonly string[] {
  return (isArray(value) ? value : [value]).map(scalar);
}
