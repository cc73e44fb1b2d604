import { styled, type Line, type Part } from "./line.js";

/** A column of a table: numbers are aligned to the right. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: Row) => Part;
}

const textOf = (part: Part) => (typeof part === "string" ? part : part.text);

/** Rows below a line of titles, each column as wide as its widest cell. */
export function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Line[] {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => textOf(row[at] ?? "").length)),
  );
  const lineOf = (row: readonly Part[]): Line =>
    columns.flatMap(({ align }, at) => {
      const cell = row[at] ?? "";
      const space = " ".repeat(Math.max((widths[at] ?? 0) - textOf(cell).length, 0));
      const last = at === columns.length - 1;
      const gap = at === 0 ? "" : "  ";
      return align === "right" ? [gap, space, cell] : [gap, cell, last ? "" : space];
    });
  return [lineOf(columns.map(({ title }) => styled("dim", title))), ...cells.map(lineOf)];
}
