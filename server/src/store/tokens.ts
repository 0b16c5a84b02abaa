import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { hashToken, mintToken, tokenPrefix } from "../platform/ids.ts";
import { inPages, type Page, type PageRequest } from "./page.ts";
import { setEach } from "./set-each.ts";
import type { Tables, TokenTable } from "./tables.ts";

/** A token as it may be shown: everything but itself and its hash. */
export type TokenRecord = Readonly<Omit<Selectable<TokenTable>, "hash">> & { readonly service: string | null };

/** Whose a token is. */
export type TokenOwner =
  | { readonly kind: "user"; readonly id: number }
  | { readonly kind: "device"; readonly id: number }
  | { readonly kind: "service"; readonly id: number };

/** A token that was just made: the only time it exists in clear. */
export interface IssuedToken {
  readonly token: string;
  readonly record: TokenRecord;
}

/** What the audit log says of a token that was made: whose it is, and nothing that could be used. */
export function tokenSubject({ id, prefix, kind, ...owner }: TokenRecord): Readonly<Record<string, unknown>> {
  return { token_id: id, prefix, kind, [`${kind}_id`]: owner[`${kind}_id`] };
}

/** Credentials, kept as hashes. */
export class Tokens {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly clock: Clock,
  ) {}

  /** Makes a token for `owner`, who must exist; `expiresInMs` from now, or null for one that lives until revoked. */
  async issue(owner: TokenOwner, expiresInMs: number | null): Promise<IssuedToken> {
    const token = mintToken();
    const now = this.clock.now();
    const { id } = await this.db
      .insertInto("token")
      .values({
        prefix: tokenPrefix(token),
        hash: hashToken(token),
        kind: owner.kind,
        user_id: owner.kind === "user" ? owner.id : null,
        device_id: owner.kind === "device" ? owner.id : null,
        service_id: owner.kind === "service" ? owner.id : null,
        created_at: now,
        expires_at: expiresInMs === null ? null : now + expiresInMs,
        revoked_at: null,
        last_used_at: null,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    const record = await this.find(id);
    if (!record) throw new Error("a token vanished as it was made");
    return { token, record };
  }

  find(id: number): Promise<TokenRecord | undefined> {
    return this.#records().where("token.id", "=", id).executeTakeFirst();
  }

  /** Tokens with that prefix; two, where several have it. */
  findByPrefix(prefix: string): Promise<readonly TokenRecord[]> {
    return this.#records().where("token.prefix", "=", prefix).limit(2).execute();
  }

  /** Every token in order of id, or only those of the user `owner` (their own, not their devices'). */
  async list(page: PageRequest, owner?: number): Promise<Page<TokenRecord>> {
    const counted = await inPages(
      this.db.selectFrom("token").$if(owner !== undefined, (query) => query.where("user_id", "=", owner ?? 0)),
      "id",
      { limit: 1, offset: 0 },
    );
    const items = await this.#records()
      .$if(owner !== undefined, (query) => query.where("token.user_id", "=", owner ?? 0))
      .orderBy("token.id")
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return { items, total: counted.total };
  }

  /** Revokes a token for good. Answers whether there was one; revoking twice keeps the first time. */
  async revoke(id: number): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable("token")
      .set({ revoked_at: this.clock.now() })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n || (await this.find(id)) !== undefined;
  }

  /** Notes when tokens were last used. */
  markUsed(used: ReadonlyMap<number, number>): Promise<void> {
    return setEach(this.db, "token", "last_used_at", used);
  }

  #records() {
    return this.db
      .selectFrom("token")
      .leftJoin("service", "service.id", "token.service_id")
      .select([
        "token.id",
        "token.prefix",
        "token.kind",
        "token.user_id",
        "token.device_id",
        "token.service_id",
        "service.name as service",
        "token.created_at",
        "token.expires_at",
        "token.revoked_at",
        "token.last_used_at",
      ]);
  }
}
