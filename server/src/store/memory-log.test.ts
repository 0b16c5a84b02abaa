import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { logStoreContract } from "./log-store.contract.ts";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { MemoryLog } from "./memory-log.ts";

logStoreContract({
  name: "MemoryLog",
  deletesInBatches: false,
  open: async (quota = DEFAULT_QUOTA) => {
    const clock = new ManualClock();
    const log = new MemoryLog(clock, quota, (userId) => userId <= 3);
    return {
      log,
      clock,
      // What it keeps is its own memory: nothing else can open it.
      reopen: () => log,
      restored: () => log.copy("backup"),
      bind: (deviceId, userId) => log.bind(deviceId, userId),
      [Symbol.asyncDispose]: async () => {},
    };
  },
});
