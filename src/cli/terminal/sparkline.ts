const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** The last values as a plot one line high, from 0 to the largest of them. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const largest = Math.max(...shown, 1);
  return shown.map((value) => LEVELS[Math.ceil((value / largest) * (LEVELS.length - 1))]).join("");
}
