/** What the TypeScript client adds to a page: its whole entry, minified and compressed. Fails above the limit. */
import { gzipSync } from "bun";

const MOST_BYTES = 8 * 1024;
const ENTRY = new URL("../clients/typescript/src/index.ts", import.meta.url).pathname;

const { outputs } = await Bun.build({ entrypoints: [ENTRY], minify: true, target: "browser", format: "esm" });
const [output] = outputs;
if (output === undefined || outputs.length !== 1) throw new Error("the client is one file without dependencies");
const bytes = gzipSync(new Uint8Array(await output.arrayBuffer()), { level: 9 }).length;
const said = `@qy-lty/client: ${bytes.toLocaleString("en-US")} bytes, minified and compressed; at most ${MOST_BYTES.toLocaleString("en-US")}`;
console.log(said);
if (bytes > MOST_BYTES) process.exitCode = 1;
