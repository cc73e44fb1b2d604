import { json, type KubeMQClient } from "kubemq-es";
import { check } from "./check.js";

/** Commands and queries: a responder is told to count words, and asked how often one occurs; the second answer comes from the cache. */
export async function requests(client: KubeMQClient, run: string, lines: readonly string[]): Promise<void> {
  console.log("commands and queries");
  const stop = new AbortController();
  const { signal } = stop;
  const counts = new Map<string, number>();
  let asked = 0;
  const command = client.commands.subscribe({ channel: `${run}.count`, codec: json<string[]>() }, { signal });
  const counting = (async () => {
    for await (const request of command) {
      for (const word of request.value.join(" ").match(/\p{L}+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
      await request.respond();
    }
  })();
  const query = client.queries.subscribe({ channel: `${run}.words` }, { signal });
  const answering = (async () => {
    for await (const request of query) {
      asked += 1;
      await request.respond({ body: counts.get(request.text()) ?? 0, codec: json<number>() });
    }
  })();
  await Promise.all([command.ready, query.ready]);

  const told = await client.commands.send({ channel: `${run}.count`, body: [...lines], codec: json<string[]>() });
  check("command ok", [told.ok], [true]);
  const words = lines.join(" ").match(/\p{L}+/gu) ?? [];
  const word = words[0] ?? "nothing";
  const ask = () =>
    client.queries.send({
      channel: `${run}.words`,
      body: word,
      responseCodec: json<number>(),
      cache: { key: `${run}.${word}`, ttlSeconds: 60 },
    });
  const answers = [await ask(), await ask()];
  const expected = words.filter((other) => other === word).length;
  const given = answers.map((answer) => (answer.ok ? answer.value : answer.error));
  check(`"${word}" occurs ${expected} times, asked twice`, given, [expected, expected]);
  const hits = answers.filter((answer) => answer.ok && answer.cacheHit).length;
  console.log(`  answered from the cache: ${hits}, by the responder: ${asked}`);
  stop.abort();
  await Promise.all([counting, answering]);
}
