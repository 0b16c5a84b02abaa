/**
 * A device that sings and dances when it is told to.
 *
 *     LTY_TOKEN=$(npx lty token create --device 1 --quiet) npx bun examples/device/device.ts
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClosedError, LtyClient } from "../../clients/typescript/src/index.ts";

const folder = process.env.DEVICE_FOLDER ?? "data/device";
mkdirSync(folder, { recursive: true });

/** A file for each text: what was handled is known after a restart. */
const storage = {
  getItem: (key: string) => {
    try {
      return readFileSync(join(folder, encodeURIComponent(key)), "utf8");
    } catch {
      return null;
    }
  },
  setItem: (key: string, text: string) => writeFileSync(join(folder, encodeURIComponent(key)), text),
};

const client = new LtyClient({
  url: process.env.LTY_URL ?? "http://127.0.0.1:8000",
  token: process.env.LTY_TOKEN ?? "",
  caps: ["sing", "dance"],
  storage,
});

client.on("sing", ({ message }) => {
  const { song, artist } = message as { song: string; artist: string };
  console.log(`♪ ${song} - ${artist}`);
});
client.on("dance", ({ message }) => {
  const { dance } = message as { dance: string };
  console.log(`dancing ${dance}`);
});
client.onState(({ state }) => console.log(state));

try {
  await client.connect();
  console.log((await client.request("sing", { song: "青花瓷", artist: "周杰伦" })).message);
} catch (error) {
  if (!(error instanceof ClosedError)) throw error;
  console.error(error.message);
  process.exit(1);
}
