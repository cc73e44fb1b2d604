// A service of a .proto file, served and called over the broker. examples/rpc/ has the file and what buf generates.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { KubeMQClient } from "kubemq-es";
import { kubemqTransport, serve } from "kubemq-es/connect";
import { broker } from "./broker.js";
import { GreetService, UnknownLanguageSchema } from "./rpc/gen/greet/v1/greet_pb.js";

await using server = await broker();
await using client = await KubeMQClient.connect({ address: server.address });
const greetings = new Map([
  ["en", "Hello"],
  ["pt", "Olá"],
]);

await using service = serve(client, GreetService, {
  greet({ name, language }) {
    const greeting = greetings.get(language || "en");
    if (greeting !== undefined) return { greeting: `${greeting}, ${name}` };
    const detail = { desc: UnknownLanguageSchema, value: { language, known: [...greetings.keys()] } };
    throw new ConnectError(`no greeting in ${language}`, Code.NotFound, undefined, [detail]);
  },
});
await service.ready;

const greeter = createClient(GreetService, kubemqTransport(client));
for (const language of ["", "pt", "xx"]) {
  try {
    console.log((await greeter.greet({ name: "Ada", language }, { timeoutMs: 2_000 })).greeting);
  } catch (error) {
    const failure = ConnectError.from(error);
    console.log(failure.message, failure.findDetails(UnknownLanguageSchema)[0]?.known);
  }
}

/* prints:
Hello, Ada
Olá, Ada
[not_found] no greeting in xx [ 'en', 'pt' ]
*/
