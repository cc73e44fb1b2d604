import { InvalidArgumentError } from "commander";

/** Reads a whole number from `least` on. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number, ${least} or more.`
        : `It must be a whole number from ${least} to ${most}.`,
    );
  };
}

/** Collects `--tag key=value`, which may be given many times. */
export function tag(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}
