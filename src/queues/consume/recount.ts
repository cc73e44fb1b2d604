import type { Connection } from "../../connection/connection.js";
import type { Transactions } from "../transactions/transactions.js";
import { countWaiting } from "../waiting.js";
import type { Backlog } from "./backlog.js";
import type { Taking } from "./taking.js";

/** Requests the server's count of the queue, and records it. */
export async function recount(
  connection: Connection,
  { subject }: Taking,
  transactions: Transactions,
  backlog: Backlog,
): Promise<void> {
  const { clock } = connection;
  const at = clock.now();
  const own = transactions.own();
  const count = await countWaiting(connection, subject);
  if (count === "refused") backlog.cannotAsk();
  else backlog.counted(count, own, clock.now() - at, clock.now());
}
