/** A node with a connection of each of `TOKENS`; it lives until it is killed. */
import { startTestGateway } from "@qy-lty/testkit";

const { LTY_DATABASE_URL = "", LTY_REDIS_URL = "", TOKENS = "" } = process.env;
const gateway = await startTestGateway({ environment: { LTY_DATABASE_URL, LTY_REDIS_URL } });
const isDegraded = async () =>
  (await gateway.http<{ degraded: string[] }>("GET", "/readyz")).body.data.degraded.length > 0;
// Before that nobody hears what it says.
while (await isDegraded()) await new Promise(setImmediate);
for (const token of TOKENS.split(",")) await gateway.enter(token);
