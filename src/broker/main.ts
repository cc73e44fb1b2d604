import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { startBroker } from "./server.js";

const usage = `usage: npm run broker -- [--port 50000] [--host 127.0.0.1] [--token TOKEN]
  [--tls-cert FILE --tls-key FILE [--tls-ca FILE]] [--verbose]`;

const read = async (file: string | undefined) => (file === undefined ? undefined : readFile(file));

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "50000" },
      host: { type: "string", default: "127.0.0.1" },
      token: { type: "string" },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      "tls-ca": { type: "string" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [cert, key, ca] = await Promise.all([values["tls-cert"], values["tls-key"], values["tls-ca"]].map(read));
  const { token } = values;
  const broker = await startBroker({
    port: Number(values.port),
    host: values.host,
    ...(token !== undefined && { token }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(ca && { ca }),
    ...(values.verbose && {
      onCall: (rpc: string) => console.error(`${new Date().toISOString()} ${rpc}`),
    }),
  });
  console.log(`listening on ${broker.address}`);
  const stop = () => void broker.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

run().catch((error: unknown) => {
  const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  const what = error instanceof Error ? error.message : String(error);
  console.error(taken ? `${what}: another process listens there, choose another --port` : what);
  process.exitCode = 1;
});
