// Two programs that share a file of contracts: a queue, a service of a .proto file, and CloudEvents. shop/ has their sources.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { broker } from "./broker.js";

await using server = await broker();

async function run(program: string): Promise<void> {
  const file = (process.argv[1] ?? "").replace(/shop(\.\w+)$/, `shop/${program}$1`);
  const env = { ...process.env, KUBEMQ_ADDRESS: server.address };
  const child = spawn(process.execPath, [...process.execArgv, file], { env, stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

await Promise.all([run("storefront"), run("warehouse")]);

/* prints:
storefront: ordered
warehouse: 2 chair to Rua Augusta 7, Lisboa
storefront: parcel.shipped in pt { item: 'chair', to: 'Rua Augusta 7, Lisboa' }
*/
