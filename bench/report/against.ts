import type { Comparison, Quartiles } from "../suites/against.js";
import { times, type Table } from "./table.js";

/** A lower ratio is worse than the noise of a machine that has nothing else to do. */
const AT_LEAST = 0.85;

/** Whether a load is slower or costs more CPU time than before in three of four rounds. */
export function isWorse({ rate, cpu }: Comparison): boolean {
  return rate.high < AT_LEAST || cpu.high < AT_LEAST;
}

export function againstTable(compared: readonly Comparison[]): Table {
  const spread = ({ low, high }: Quartiles) => `${low.toFixed(2)} - ${high.toFixed(2)}`;
  return {
    columns: ["load", "rate", "quartiles", "CPU", "quartiles", ""],
    rows: compared.map((each) => [
      each.load,
      times(each.rate.median),
      spread(each.rate),
      times(each.cpu.median),
      spread(each.cpu),
      isWorse(each) ? "worse" : Math.min(each.rate.median, each.cpu.median) < AT_LEAST ? "look" : "ok",
    ]),
  };
}
