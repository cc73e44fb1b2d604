const DIGITS = Array.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** A random number, most significant digit first, and its text. */
const high = Array.from(crypto.getRandomValues(new Uint8Array(11)), (byte) => byte % DIGITS.length);

let prefix = textOf(high);

let low = 0;

/**
 * An id that no other message has: numbers of 71 bits, counted up from a random one by each process, since a random one for each message costs
 * more than the rest of a send. Twelve characters: V8 makes longer texts out of pieces, which then cost three times as much to write and to read.
 */
export function newId(): string {
  if (low === DIGITS.length) {
    low = 0;
    advance();
  }
  return prefix + DIGITS[low++];
}

function advance(): void {
  for (let at = high.length - 1; at >= 0; at--) {
    const digit = ((high[at] ?? 0) + 1) % DIGITS.length;
    high[at] = digit;
    if (digit !== 0) break;
  }
  prefix = textOf(high);
}

function textOf(digits: readonly number[]): string {
  return digits.map((digit) => DIGITS[digit]).join("");
}
