import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { logStoreContract } from "./log-store.contract.ts";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { SqliteLog } from "./sqlite-log.ts";
import { InlineWriter, ThreadWriter } from "./sqlite-writer.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

for (const Writer of ["inline", "thread"] as const) {
  logStoreContract({
    name: `SqliteLog, writing ${Writer}`,
    deletesInBatches: true,
    open: async (quota = DEFAULT_QUOTA) => {
      const file = await SqliteFile.make();
      const clock = new ManualClock();
      const database = file.connect();
      const writer = Writer === "inline" ? new InlineWriter(database, quota) : new ThreadWriter(file.path, quota);
      return {
        log: new SqliteLog(database, writer, clock),
        clock,
        reopen: () => new SqliteLog(file.connect(), writer, clock),
        restored: () => {
          const backup = file.connect(file.copy("backup"));
          return new SqliteLog(backup, new InlineWriter(backup, quota), clock);
        },
        bind: (deviceId, userId) => file.bind(deviceId, userId),
        [Symbol.asyncDispose]: async () => {
          await writer.close();
          file[Symbol.dispose]();
        },
      };
    },
  });
}
