/** Names that other clients use for the same property and that no comparison of letters finds. */
const SYNONYMS: Readonly<Record<string, string>> = {
  host: "address",
  hosts: "address",
  server: "address",
  url: "address",
  token: "authToken",
  auth: "authToken",
  jwt: "authToken",
  ssl: "tls",
  retry: "reconnect",
  ping: "keepalive",
  name: "clientId",
  topic: "channel",
  subject: "channel",
  queue: "channel",
  payload: "body",
  data: "body",
  content: "body",
  message: "body",
  value: "body",
  headers: "tags",
  attributes: "tags",
  encoder: "codec",
  decoder: "codec",
};

/** The most likely intended name: one that contains the other, or differs in a few letters. */
export function suggestion(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const synonym = SYNONYMS[given];
  if (synonym !== undefined && known.includes(synonym)) return synonym;
  if (given.length >= 3) {
    const lower = known.map((one) => one.toLowerCase());
    const begins = lower.findIndex((one) => one.startsWith(given) || given.startsWith(one));
    const contains = lower.findIndex((one) => one.includes(given) || given.includes(one));
    if (begins >= 0 || contains >= 0) return known[begins >= 0 ? begins : contains];
  }
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const one of known) {
    const distance = editDistance(given, one.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = one;
  }
  return best;
}

/** The number of letters to insert, delete or replace to turn one name into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let index = 1; index <= to.length; index++) {
      const replaced = (row[index - 1] ?? 0) + (from[at - 1] === to[index - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
