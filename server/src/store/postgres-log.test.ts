import { ManualClock } from "@qy-lty/testkit";
import { logStoreContract } from "./log-store.contract.ts";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { PostgresDatabases } from "./testing/postgres-database.ts";

const databases = new PostgresDatabases();

logStoreContract({
  name: "PostgresLog",
  deletesInBatches: true,
  open: async (quota = DEFAULT_QUOTA) => {
    const clock = new ManualClock();
    const database = await databases.open(clock);
    return {
      log: database.log(quota),
      clock,
      reopen: () => database.log(quota),
      restored: () => database.restored(quota),
      bind: (deviceId, userId) => database.bind(deviceId, userId),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
});
