/** What is measured: the loads of a message broker's client. */
export type Load = { readonly name: string; readonly count: number } & (
  | { readonly kind: "receive"; readonly size: number }
  | { readonly kind: "send"; readonly size: number; readonly answered: boolean }
  | { readonly kind: "unary"; readonly atOnce: number }
);

/** How many events may be unanswered on a stream that answers each. */
export const WINDOW = 1000;

export const loads: readonly Load[] = [
  { name: "receive 16 B", kind: "receive", size: 16, count: 100_000 },
  { name: "receive 1 KiB", kind: "receive", size: 1024, count: 60_000 },
  { name: "receive 64 KiB", kind: "receive", size: 65_536, count: 4_000 },
  { name: "send 16 B, a result each", kind: "send", size: 16, answered: true, count: 40_000 },
  { name: "send 1 KiB, a result each", kind: "send", size: 1024, answered: true, count: 30_000 },
  { name: "send 64 KiB, a result each", kind: "send", size: 65_536, answered: true, count: 3_000 },
  { name: "send 16 B, no results", kind: "send", size: 16, answered: false, count: 100_000 },
  { name: "unary, one at a time", kind: "unary", atOnce: 1, count: 2_000 },
  { name: "unary, 64 at once", kind: "unary", atOnce: 64, count: 6_000 },
  { name: "unary, 256 at once", kind: "unary", atOnce: 256, count: 6_000 },
];
