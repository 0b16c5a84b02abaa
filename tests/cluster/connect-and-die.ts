/** A node with a connection of whoever `TOKEN` is; it lives until it is killed. */
import { startTestGateway } from "@qy-lty/testkit";

const { LTY_DATABASE_URL = "", LTY_REDIS_URL = "", TOKEN = "" } = process.env;
const gateway = await startTestGateway({ environment: { LTY_DATABASE_URL, LTY_REDIS_URL } });
await gateway.enter(TOKEN);
