import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file created by `tls/make.sh`. */
export function pemPath(name: string): string {
  return fileURLToPath(new URL(`./tls/${name}.pem`, import.meta.url));
}

export function pem(name: string): string {
  return readFileSync(pemPath(name), "utf8");
}
