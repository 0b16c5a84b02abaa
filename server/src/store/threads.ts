/** Where the programs of our threads are. In the single binary they are embedded, and its build puts those names in this module's place. */
export const Threads = {
  sqliteWriter: new URL("./sqlite-writer-thread.ts", import.meta.url).href,
  sqliteBackup: new URL("./sqlite-backup-thread.ts", import.meta.url).href,
} as const;
