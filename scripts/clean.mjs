// Removes build output, so that a renamed file leaves nothing behind.
import { rmSync } from "node:fs";

for (const path of process.argv.slice(2)) rmSync(path, { recursive: true, force: true });
