import { GatewayError } from "@qy-lty/protocol";
import { SystemClock } from "../../platform/clock.ts";
import { SqliteStore } from "../sqlite.ts";

/**
 * One of several processes that write to one file at once: `contend.ts URL ROUNDS`. Waits for a line on stdin, so that all
 * begin together, and prints how often each thing ended how.
 */
const [, , url = "", rounds = "0"] = process.argv;
const outcomes: Record<string, number> = {};

async function note(what: string, work: Promise<unknown>): Promise<void> {
  const outcome = await work.then(
    () => "done",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );
  const key = `${what}: ${outcome}`;
  outcomes[key] = (outcomes[key] ?? 0) + 1;
}

console.log("ready");
for await (const _ of console) break;
const store = await SqliteStore.open(url, new SystemClock());
for (let round = 0; round < Number(rounds); round++) {
  await note("user", store.users.create({ username: `user-${round}` }));
  await note("device", store.devices.change((round % 3) + 1, { isPrimary: true, name: `${process.pid}-${round}` }));
  await note("device", store.devices.create({ name: "new", serial: `S-${round}`, userId: 1, isPrimary: true }));
}
await store.close();
console.log(JSON.stringify(outcomes));
