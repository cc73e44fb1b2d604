// A call of a service, with the user's own Connect and generated code.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { KubeMQClient } from "kubemq-es";
import { kubemqTransport, serve } from "kubemq-es/connect";
import { startBroker } from "kubemq-es/testing";
import { GreetService } from "../../examples/rpc/gen/greet/v1/greet_pb.js";

await using broker = await startBroker();
await using client = await KubeMQClient.connect({ address: broker.address });
await using server = serve(client, GreetService, {
  greet({ name }) {
    if (name === "") throw new ConnectError("who are you?", Code.InvalidArgument);
    return { greeting: `Hello, ${name}` };
  },
});
await server.ready;
const greeter = createClient(GreetService, kubemqTransport(client));
console.log((await greeter.greet({ name: "Ada" })).greeting);
await greeter.greet({}).catch((error: unknown) => console.log(error instanceof ConnectError, String(error)));
