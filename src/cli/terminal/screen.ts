import { rendered, styled, type Line, type Part, type Rendering } from "./line.js";
import type { Terminal } from "./terminal.js";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** Lines that replace each other, on the alternate screen of a terminal. */
export interface Redrawn extends Disposable {
  draw(lines: readonly Line[]): void;
}

/** Leaves the last lines on the normal screen when it is disposed. */
export function redrawn({ stdout }: Terminal, rendering: Rendering): Redrawn {
  let last: readonly Line[] = [];
  stdout.write(ENTER);
  return {
    draw(lines) {
      const { columns = 80, rows = 24 } = stdout;
      last = lines;
      const shown = fitting(lines, rows - 1).map((line) => `${rendered(cropped(line, columns), rendering)}\u001b[K\n`);
      stdout.write(`\u001b[H${shown.join("")}\u001b[J`);
    },
    [Symbol.dispose]() {
      const { columns = 80 } = stdout;
      stdout.write(`${LEAVE}${last.map((line) => `${rendered(cropped(line, columns), rendering)}\n`).join("")}`);
    },
  };
}

function fitting(lines: readonly Line[], rows: number): readonly Line[] {
  if (lines.length <= rows) return lines;
  const kept = Math.max(rows - 1, 0);
  return [...lines.slice(0, kept), [styled("dim", `and ${lines.length - kept} more: the window is too low`)]];
}

/** A longer line would continue on the next one, and move all that follow. */
function cropped(line: Line, columns: number): Line {
  let left = columns;
  const parts: readonly Part[] = typeof line === "string" ? [line] : line;
  return parts.map((part) => {
    const text = typeof part === "string" ? part : part.text;
    const kept = text.slice(0, left);
    left -= kept.length;
    return typeof part === "string" ? kept : { ...part, text: kept };
  });
}
