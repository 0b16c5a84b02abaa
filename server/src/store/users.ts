import { GatewayError } from "@qy-lty/protocol";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Made, makeOnce } from "./creation-key.ts";
import type { Idempotency } from "./log-store.ts";
import { inPages, type Page, type PageRequest } from "./page.ts";
import type { Tables, UserTable } from "./tables.ts";
import { refuseTaken } from "./unique.ts";

export type User = Readonly<Selectable<UserTable>>;

export interface NewUser {
  readonly username: string;
  readonly passwordHash?: string | null;
  readonly isAdmin?: boolean;
}

export interface UserChange {
  readonly username?: string;
  readonly passwordHash?: string | null;
  readonly isAdmin?: boolean;
  readonly isActive?: boolean;
}

/** People. */
export class Users {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly clock: Clock,
  ) {}

  /** @throws GatewayError `CONFLICT` when the name is taken */
  async create(user: NewUser): Promise<User> {
    return (await this.createOnce(user, null)).row;
  }

  /** As `create`; the same key answers the same user. @throws GatewayError as `create` and `makeOnce` */
  createOnce(user: NewUser, idempotency: Idempotency | null): Promise<Made<User>> {
    const now = this.clock.now();
    const values = {
      username: user.username,
      password_hash: user.passwordHash ?? null,
      is_admin: user.isAdmin ? (1 as const) : (0 as const),
      is_active: 1 as const,
      created_at: now,
    };
    return refuseTaken("username", () =>
      this.db.transaction().execute((db) =>
        makeOnce<User>(db, idempotency, now, {
          create: (tx) => tx.insertInto("user").values(values).returningAll().executeTakeFirstOrThrow(),
          find: (tx, id) => tx.selectFrom("user").selectAll().where("id", "=", id).executeTakeFirst(),
        }),
      ),
    );
  }

  find(id: number): Promise<User | undefined> {
    return this.db.selectFrom("user").selectAll().where("id", "=", id).executeTakeFirst();
  }

  findByName(username: string): Promise<User | undefined> {
    return this.db.selectFrom("user").selectAll().where("username", "=", username).executeTakeFirst();
  }

  /** Everyone in order of id, or only the user `only`. */
  list(page: PageRequest, only?: number): Promise<Page<User>> {
    const users = this.db.selectFrom("user").$if(only !== undefined, (query) => query.where("id", "=", only ?? 0));
    return inPages(users, "id", page);
  }

  /** @throws GatewayError `CONFLICT` when the new name is taken; `NOT_FOUND` */
  async change(id: number, change: UserChange): Promise<User> {
    const values = {
      ...(change.username !== undefined && { username: change.username }),
      ...(change.passwordHash !== undefined && { password_hash: change.passwordHash }),
      ...(change.isAdmin !== undefined && { is_admin: change.isAdmin ? (1 as const) : (0 as const) }),
      ...(change.isActive !== undefined && { is_active: change.isActive ? (1 as const) : (0 as const) }),
    };
    const user =
      Object.keys(values).length === 0
        ? await this.find(id)
        : await refuseTaken("username", () =>
            this.db.updateTable("user").set(values).where("id", "=", id).returningAll().executeTakeFirst(),
          );
    if (!user) throw new GatewayError("NOT_FOUND");
    return user;
  }

  /** Puts `to` in the place of `from`, unless the password was changed meanwhile. */
  async replaceHash(id: number, from: string, to: string): Promise<void> {
    await this.db
      .updateTable("user")
      .set({ password_hash: to })
      .where("id", "=", id)
      .where("password_hash", "=", from)
      .execute();
  }

  /** Some hash that Django has made, if there is any. */
  async findDjangoHash(): Promise<string | undefined> {
    const found = await this.db
      .selectFrom("user")
      .select("password_hash")
      .where("password_hash", "like", "pbkdf2%")
      .limit(1)
      .executeTakeFirst();
    return found?.password_hash ?? undefined;
  }

  /** Erases a user with everything that belongs to them; their devices become nobody's. Answers whether there was one. */
  async erase(id: number): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("user").where("id", "=", id).executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
