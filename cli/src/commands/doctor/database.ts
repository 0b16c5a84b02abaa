import { accessSync, constants, existsSync } from "node:fs";
import { inspectSqlite } from "@qy-lty/server/store/sqlite-inspection.ts";
import { StoreError } from "@qy-lty/server/store/store.ts";
import { type Finding, findings } from "./finding.ts";
import { existingFolderOf, pathOf } from "./paths.ts";

const { ok, warn, fail } = findings("database");

/** Whether the database can be opened, is sound, and takes writes. Changes nothing in it. */
export async function examineDatabase(url: string): Promise<Finding> {
  const path = pathOf(url);
  if (!existsSync(path)) return examinePlace(path);
  try {
    const { pendingMigrations, problem } = await inspectSqlite(path);
    if (problem !== null) return fail(`${path} is damaged: ${problem}`, "restore a backup");
    if (pendingMigrations > 0)
      return warn(`${path} is of an older version`, "`lty migrate` or the next start brings it up to date");
    return ok(`${path} is sound, and takes writes`);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return fail(error.message, "check the path (LTY_DATABASE_URL), whose it is, and what else uses it");
  }
}

function examinePlace(path: string): Finding {
  const folder = existingFolderOf(path);
  try {
    accessSync(folder, constants.W_OK);
    return ok(`${path} is not there yet; the first start makes it`);
  } catch {
    return fail(
      `${path} is not there, and ${folder} is not writable`,
      "run as its owner, or choose another LTY_DATABASE_URL",
    );
  }
}
