import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashToken, mintToken, tokenPrefix } from "@qy-lty/server/platform/ids.ts";

/** The credentials that every server of a run knows. */
export interface Credentials {
  /** One token per user; the user of `users[i]` has id `i + 1`, and so has that user's device. */
  readonly users: readonly string[];
  /** File with the same tokens, one a line. */
  readonly file: string;
  /** A token of an administrator, for broadcasts and pushes to other users. */
  readonly admin: string;
}

/** Mints tokens for `count` users and one administrator, and writes the users' to a file in `folder`. */
export function mintCredentials(count: number, folder: string): Credentials {
  const users = Array.from({ length: count }, mintToken);
  const file = join(folder, "tokens.txt");
  writeFileSync(file, users.join("\n"));
  return { users, file, admin: mintToken() };
}

/**
 * Fills a migrated, empty database of the gateway: a user, their primary device and a token of the user for each
 * credential, and the administrator as the last user. Written directly, because 12,000 commands would take an hour.
 */
export function seedDatabase(path: string, { users, admin }: Credentials): void {
  using database = new Database(path);
  const now = Date.now();
  const addUser = database.prepare(
    "INSERT INTO user (id, username, is_admin, is_active, created_at) VALUES (?, ?, ?, 1, ?)",
  );
  const addDevice = database.prepare(
    "INSERT INTO device (id, name, user_id, is_primary, created_at, bound_at) VALUES (?, ?, ?, 1, ?, ?)",
  );
  const addToken = database.prepare(
    "INSERT INTO token (prefix, hash, kind, user_id, created_at) VALUES (?, ?, 'user', ?, ?)",
  );
  database.transaction(() => {
    for (const [index, token] of users.entries()) {
      const id = index + 1;
      addUser.run(id, `bench-${id}`, 0, now);
      addDevice.run(id, `bench-${id}`, id, now, now);
      addToken.run(tokenPrefix(token), hashToken(token), id, now);
    }
    const adminId = users.length + 1;
    addUser.run(adminId, "bench-admin", 1, now);
    addToken.run(tokenPrefix(admin), hashToken(admin), adminId, now);
  })();
  // Into the main file, so that copying that file alone copies everything.
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** The same for a migrated, empty database on PostgreSQL; `run` runs one statement in it. */
export async function seedPostgres(
  run: (statement: string) => Promise<unknown>,
  { users, admin }: Pick<Credentials, "users" | "admin">,
): Promise<void> {
  const now = Date.now();
  const adminId = users.length + 1;
  const rows = (of: (token: string, id: number) => string) => users.map((token, index) => of(token, index + 1)).join();
  const tokenRow = (token: string, id: number) => `('${tokenPrefix(token)}','${hashToken(token)}','user',${id},${now})`;
  await run(
    `INSERT INTO "user"(id, username, is_admin, is_active, created_at)
     VALUES ${rows((_, id) => `(${id},'bench-${id}',0,1,${now})`)},(${adminId},'bench-admin',1,1,${now})`,
  );
  await run(
    `INSERT INTO device(id, name, user_id, is_primary, created_at, bound_at)
     VALUES ${rows((_, id) => `(${id},'bench-${id}',${id},1,${now},${now})`)}`,
  );
  await run(
    `INSERT INTO token(prefix, hash, kind, user_id, created_at) VALUES ${rows(tokenRow)},${tokenRow(admin, adminId)}`,
  );
}
