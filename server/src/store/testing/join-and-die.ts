/** A node that serves a log, writes that of three messages one was acknowledged and two were sent, and is killed. */
import { SystemClock } from "../../platform/clock.ts";
import { PostgresStore } from "../postgres.ts";
import { acceptMany, save } from "./log-under-test.ts";

const store = await PostgresStore.open(process.argv[2] ?? "", new SystemClock());
await store.log.open();
await acceptMany(store.log, 3);
await save(store.log, "user:1", { acked: 1, sent: 2 });
process.kill(process.pid, "SIGKILL");
