/** A table, rendered the same way for the terminal and for Markdown. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Renders Markdown with aligned columns: the first to the left, the others to the right. */
export function render({ columns, rows }: Table): string {
  const widths = columns.map((column, at) => Math.max(3, ...[column, ...rows.map((row) => row[at] ?? "")].map(width)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join(" | ")} |`;
  const rule = widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(columns), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

function pad(cell: string, to: number, at: number): string {
  const blanks = " ".repeat(to - width(cell));
  return at === 0 ? `${cell}${blanks}` : `${blanks}${cell}`;
}

/** Counts UTF-16 units: every character used here is one unit and one column wide. */
function width(cell: string): number {
  return cell.length;
}

export const whole = (value: number): string => Math.round(value).toLocaleString("en");
export const micros = (value: number): string => (value < 100 ? value.toFixed(1) : whole(value));
export const percent = (value: number): string => `${Math.round(value * 100)} %`;
export const times = (value: number): string => `${value.toFixed(2)} x`;

/** A ratio, or another string where it was not measured. */
export const timesOr = (value: number | undefined, other: string): string =>
  value === undefined ? other : times(value);
