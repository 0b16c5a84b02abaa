import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { migrations as sqliteMigrations } from "./migrations/index.ts";
import { describeSqliteError } from "./sqlite-errors.ts";
import { StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

type Migrations = Readonly<Record<string, Migration>>;

/**
 * Brings the database to this program's schema; answers the names of the migrations that were run.
 * @throws StoreError when the database was made by a newer program, or a migration fails (nothing of it stays)
 */
export async function migrate(
  db: Kysely<Tables>,
  migrations: Migrations = sqliteMigrations,
  /** What went wrong, as the end of a line. */
  describe: (error: unknown) => string = describeSqliteError,
): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: "migration",
    migrationLockTableName: "migration_lock",
  });
  await refuseNewer(db, migrations);
  const { error, results } = await migrator.migrateToLatest();
  if (error) throw new StoreError(`could not be migrated: ${describe(error)}`, { cause: error });
  return (results ?? []).map((result) => result.migrationName);
}

/**
 * How many migrations `migrate` would run. It only reads, so that it waits for no writer.
 * @throws StoreError when the database was made by a newer program
 */
export async function pendingMigrations(
  db: Kysely<Tables>,
  migrations: Migrations = sqliteMigrations,
): Promise<number> {
  return Object.keys(migrations).length - (await refuseNewer(db, migrations)).length;
}

/** The names of the migrations that the database holds, all of them known. */
async function refuseNewer(db: Kysely<Tables>, migrations: Migrations): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "migration")) return [];
  const { rows } = await sql<{ name: string }>`SELECT name FROM migration`.execute(db);
  const newer = rows.find((row) => !(row.name in migrations));
  if (newer) {
    throw new StoreError(
      `the database was made by a newer program (it holds migration ${newer.name}); update this one`,
    );
  }
  return rows.map((row) => row.name);
}
