import { randomBytes } from "node:crypto";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const pool = { bytes: randomBytes(0), used: 0 };

/** Random letters and digits. */
export function randomToken(length: number): string {
  let token = "";
  while (token.length < length) {
    if (pool.used === pool.bytes.length) {
      pool.bytes = randomBytes(4096);
      pool.used = 0;
    }
    const value = (pool.bytes[pool.used++] ?? 0) & 63;
    // 62 and 63 have no digit. They are skipped: mapping them would favour two digits.
    if (value < digits.length) token += digits.charAt(value);
  }
  return token;
}

/** An id in the format of KubeMQ servers: 22 characters in base 62. */
export const nuid = (): string => randomToken(22);
