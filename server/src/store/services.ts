import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../platform/clock.ts";
import type { ServiceTable, Tables } from "./tables.ts";

export type Service = Readonly<Selectable<ServiceTable>>;

/** Backends that hold tokens. */
export class Services {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly clock: Clock,
  ) {}

  findByName(name: string): Promise<Service | undefined> {
    return this.db.selectFrom("service").selectAll().where("name", "=", name).executeTakeFirst();
  }

  /** The service of that name, made if it is new; `mayIssueTokens` widens it and never narrows it. */
  ensure(name: string, mayIssueTokens: boolean): Promise<Service> {
    return this.db
      .insertInto("service")
      .values({ name, may_issue_tokens: mayIssueTokens ? 1 : 0, created_at: this.clock.now() })
      .onConflict((conflict) =>
        conflict.column("name").doUpdateSet((expression) => ({
          may_issue_tokens: mayIssueTokens ? 1 : expression.ref("service.may_issue_tokens"),
        })),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
  }
}
