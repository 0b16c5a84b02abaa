import { loadConfig, maskUserinfo } from "@qy-lty/server/config/load.ts";
import { migrations } from "@qy-lty/server/store/migrations/index.ts";
import type { Command } from "commander";
import { withStore } from "../context.ts";
import { type OutputOptions, show } from "../output.ts";
import { addCommand } from "../program.ts";

/** `lty migrate` */
export function migrateCommand(program: Command): void {
  addCommand(
    program,
    "migrate",
    "Bring the database to this version's schema",
    "LTY_DATABASE_URL=sqlite:/var/lib/lty/lty.db lty migrate",
  ).action((options: OutputOptions) =>
    // Opening migrates.
    withStore(async () => {
      const database = maskUserinfo(loadConfig().databaseUrl);
      const schema = Object.keys(migrations).at(-1) ?? "";
      show(options, { database, schema }, () => `${database} is up to date (schema ${schema}).`);
    }),
  );
}
