import { GatewayError } from "@qy-lty/protocol";
import { type Kysely, sql } from "kysely";
import { hashToken, tokenPrefix } from "../platform/ids.ts";
import type { Tables } from "./tables.ts";

/** A user of another system, who keeps their id. */
export interface ImportedUser {
  readonly id: number;
  readonly username: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly isActive: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** A device of another system, which keeps its id. */
export interface ImportedDevice {
  readonly id: number;
  readonly name: string;
  readonly serial: string | null;
  readonly userId: number | null;
  readonly isPrimary: boolean;
  /** Milliseconds since the epoch; null where the other system did not know. */
  readonly createdAt: number | null;
}

/** A user's token of another system, in clear; it is kept as a hash. */
export interface ImportedToken {
  readonly token: string;
  readonly userId: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Hands out no id up to `to` any more. */
export type AdvanceIds = (db: Kysely<Tables>, table: "user" | "device", to: number) => Promise<void>;

/**
 * Takes in what another system had, ids and all. Each call is one transaction over at most some thousand rows. What is here
 * already stays as it is, so that taking in the same again changes nothing; with `write` false nothing is changed at all.
 */
export class Imports {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly now: () => number,
    private readonly advanceIds: AdvanceIds,
  ) {}

  /** Answers how many were new. @throws GatewayError `CONFLICT` when an id or a name is somebody else's */
  users(rows: readonly ImportedUser[], write: boolean): Promise<number> {
    return this.#each(rows, write, async (db) => {
      const here = await db
        .selectFrom("user")
        .select(["id", "username", "created_at"])
        .where(({ eb, or }) =>
          or([
            eb(
              "id",
              "in",
              rows.map(({ id }) => id),
            ),
            eb(
              "username",
              "in",
              rows.map(({ username }) => username),
            ),
          ]),
        )
        .execute();
      const byId = new Map(here.map((user) => [user.id, user]));
      const byName = new Map(here.map((user) => [user.username, user]));
      const fresh = rows.filter((row) => {
        const holder = byId.get(row.id);
        const namesake = byName.get(row.username);
        if (holder === undefined && namesake !== undefined)
          throw taken(`user ${row.id}, '${row.username}': the name is taken here by user ${namesake.id}`);
        if (holder === undefined) return true;
        if (holder.username !== row.username && holder.created_at !== row.createdAt)
          throw taken(`user ${row.id}, '${row.username}': the id is taken here by '${holder.username}'`);
        return false;
      });
      if (write && fresh.length > 0) await db.insertInto("user").values(fresh.map(toUserRow)).execute();
      return fresh.length;
    });
  }

  /** As `users`. The devices' owners must be here. A user who has a primary device keeps that one. */
  devices(rows: readonly ImportedDevice[], write: boolean): Promise<number> {
    return this.#each(rows, write, async (db) => {
      const serials = rows.flatMap(({ serial }) => serial ?? []);
      const here = await db
        .selectFrom("device")
        .select(["id", "name", "serial", "created_at"])
        .where(({ eb, or }) =>
          or([
            eb(
              "id",
              "in",
              rows.map(({ id }) => id),
            ),
            ...(serials.length > 0 ? [eb("serial", "in", serials)] : []),
          ]),
        )
        .execute();
      const byId = new Map(here.map((device) => [device.id, device]));
      const bySerial = new Map(here.map((device) => [device.serial, device]));
      const fresh = rows.filter((row) => {
        const holder = byId.get(row.id);
        const namesake = row.serial === null ? undefined : bySerial.get(row.serial);
        if (holder === undefined && namesake !== undefined)
          throw taken(`device ${row.id}: its serial '${row.serial}' is taken here by device ${namesake.id}`);
        if (holder === undefined) return true;
        const isSame =
          holder.name === row.name ||
          holder.created_at === row.createdAt ||
          (row.serial !== null && holder.serial === row.serial);
        if (!isSame) throw taken(`device ${row.id}, '${row.name}': the id is taken here by '${holder.name}'`);
        return false;
      });
      if (!write || fresh.length === 0) return fresh.length;
      const owners = fresh.flatMap(({ userId, isPrimary }) => (isPrimary && userId !== null ? userId : []));
      const served = await this.#withPrimary(db, owners);
      await db
        .insertInto("device")
        .values(fresh.map((row) => this.#toDeviceRow(row, served)))
        .execute();
      return fresh.length;
    });
  }

  /** As `users`. The tokens' users must be here. A token that was revoked here stays so. */
  tokens(rows: readonly ImportedToken[], write: boolean): Promise<number> {
    return this.#each(rows, write, async (db) => {
      const hashed = rows.map((row) => ({ ...row, hash: hashToken(row.token) }));
      const here = await db
        .selectFrom("token")
        .select(["hash", "user_id"])
        .where(
          "hash",
          "in",
          hashed.map(({ hash }) => hash),
        )
        .execute();
      const holders = new Map(here.map(({ hash, user_id }) => [hash, user_id]));
      const fresh = hashed.filter(({ hash, userId }) => {
        const holder = holders.get(hash);
        if (holder !== undefined && holder !== userId)
          throw taken(`a token of user ${userId} belongs here to ${holder === null ? "no user" : `user ${holder}`}`);
        return holder === undefined;
      });
      if (write && fresh.length > 0) await db.insertInto("token").values(fresh.map(toTokenRow)).execute();
      return fresh.length;
    });
  }

  /** New users and devices get ids past these. */
  async reserve(ids: { readonly user: number; readonly device: number }): Promise<void> {
    for (const table of ["user", "device"] as const) {
      if (ids[table] > 0) await this.advanceIds(this.db, table, ids[table]);
    }
  }

  async #each(
    rows: readonly unknown[],
    write: boolean,
    work: (db: Kysely<Tables>) => Promise<number>,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    return write ? this.db.transaction().execute(work) : work(this.db);
  }

  async #withPrimary(db: Kysely<Tables>, userIds: readonly number[]): Promise<ReadonlySet<number>> {
    if (userIds.length === 0) return new Set();
    const found = await db
      .selectFrom("device")
      .select("user_id")
      .where("is_primary", "=", 1)
      .where("user_id", "in", userIds)
      .execute();
    return new Set(found.flatMap(({ user_id }) => user_id ?? []));
  }

  #toDeviceRow({ id, name, serial, userId, isPrimary, createdAt }: ImportedDevice, served: ReadonlySet<number>) {
    const isFirst = isPrimary && userId !== null && !served.has(userId);
    return {
      ...{ id, name, serial, user_id: userId, is_primary: isFirst ? (1 as const) : (0 as const) },
      ...{ created_at: createdAt ?? this.now(), bound_at: userId === null ? null : this.now(), last_seen: null },
    };
  }
}

function taken(what: string): GatewayError {
  return new GatewayError("CONFLICT", what);
}

function toUserRow({ id, username, passwordHash, isAdmin, isActive, createdAt }: ImportedUser) {
  return {
    ...{ id, username, password_hash: passwordHash, created_at: createdAt },
    ...{ is_admin: isAdmin ? (1 as const) : (0 as const), is_active: isActive ? (1 as const) : (0 as const) },
  };
}

function toTokenRow({ token, hash, userId, createdAt }: ImportedToken & { readonly hash: string }) {
  return {
    ...{ prefix: tokenPrefix(token), hash, kind: "user" as const, user_id: userId, device_id: null, service_id: null },
    ...{ created_at: createdAt, expires_at: null, revoked_at: null, last_used_at: null },
  };
}

/** SQLite counts in a table of its own, which has no row before the first insert. */
export const advanceSqliteIds: AdvanceIds = async (db, table, to) => {
  await sql`INSERT INTO sqlite_sequence(name, seq) SELECT ${table}, 0
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ${table})`.execute(db);
  await sql`UPDATE sqlite_sequence SET seq = ${to} WHERE name = ${table} AND seq < ${to}`.execute(db);
};

export const advancePostgresIds: AdvanceIds = async (db, table, to) => {
  await sql`SELECT setval(ids, ${to}::bigint)
    FROM (SELECT pg_get_serial_sequence(${`"${table}"`}, 'id')::regclass AS ids) AS found
    WHERE ${to}::bigint > coalesce(pg_sequence_last_value(ids), 0)`.execute(db);
};
