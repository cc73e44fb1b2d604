/** A table, which a terminal and Markdown show alike. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Aligned, in Markdown's own form. The first column is text, the others are figures. */
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

/** Every character that is used here takes one column, and is one UTF-16 unit. */
function width(cell: string): number {
  return cell.length;
}

export const whole = (value: number): string => Math.round(value).toLocaleString("en");
export const micros = (value: number): string => (value < 100 ? value.toFixed(1) : whole(value));
export const percent = (value: number): string => `${Math.round(value * 100)} %`;
export const times = (value: number): string => `${value.toFixed(2)} x`;
