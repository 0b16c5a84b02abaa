import { type Kysely, sql } from "kysely";

/** Users, devices, services, tokens, and the feed of changes to them that running servers follow. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("user")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("username", "text", (column) => column.notNull().unique())
    .addColumn("password_hash", "text")
    .addColumn("is_admin", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("is_active", "integer", (column) => column.notNull().defaultTo(1))
    .addColumn("created_at", "integer", (column) => column.notNull())
    .execute();

  await db.schema
    .createTable("device")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("serial", "text", (column) => column.unique())
    .addColumn("user_id", "integer", (column) => column.references("user.id").onDelete("set null"))
    .addColumn("is_primary", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("bound_at", "integer")
    .addColumn("last_seen", "integer")
    .execute();
  await db.schema.createIndex("device_user").on("device").column("user_id").execute();
  await sql`CREATE UNIQUE INDEX device_one_primary ON device(user_id) WHERE is_primary = 1`.execute(db);

  await db.schema
    .createTable("service")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("may_issue_tokens", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("created_at", "integer", (column) => column.notNull())
    .execute();

  await db.schema
    .createTable("token")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("prefix", "text", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("user_id", "integer", (column) => column.references("user.id").onDelete("cascade"))
    .addColumn("device_id", "integer", (column) => column.references("device.id").onDelete("cascade"))
    .addColumn("service_id", "integer", (column) => column.references("service.id").onDelete("cascade"))
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("expires_at", "integer")
    .addColumn("revoked_at", "integer")
    .addColumn("last_used_at", "integer")
    .addCheckConstraint(
      "token_owner",
      sql`(kind = 'user') = (user_id IS NOT NULL) AND (kind = 'device') = (device_id IS NOT NULL) AND (kind = 'service') = (service_id IS NOT NULL)`,
    )
    .execute();
  for (const column of ["prefix", "user_id", "device_id", "service_id"] as const) {
    await db.schema.createIndex(`token_${column}`).on("token").column(column).execute();
  }

  await db.schema
    .createTable("authority_change")
    .addColumn("seq", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("subject_id", "integer", (column) => column.notNull())
    .addColumn("from_user_id", "integer")
    .addColumn("to_user_id", "integer")
    .execute();
  for (const trigger of TRIGGERS) await sql.raw(trigger).execute(db);
}

const INSERT = "INSERT INTO authority_change(kind, subject_id, from_user_id, to_user_id) VALUES";

const TRIGGERS = [
  // An unbound device is nobody's primary, also when its owner was erased by the foreign key.
  `CREATE TRIGGER device_unbound AFTER UPDATE OF user_id ON device WHEN new.user_id IS NULL AND new.is_primary = 1
   BEGIN UPDATE device SET is_primary = 0, bound_at = NULL WHERE id = new.id; END`,
  `CREATE TRIGGER token_made AFTER INSERT ON token
   BEGIN ${INSERT} ('token-made', new.id, NULL, NULL); END`,
  `CREATE TRIGGER token_revoked AFTER UPDATE OF revoked_at ON token WHEN new.revoked_at IS NOT NULL
   BEGIN ${INSERT} ('token-revoked', new.id, NULL, NULL); END`,
  `CREATE TRIGGER token_erased AFTER DELETE ON token
   BEGIN ${INSERT} ('token-revoked', old.id, NULL, NULL); END`,
  `CREATE TRIGGER user_disabled AFTER UPDATE OF is_active ON user WHEN new.is_active = 0
   BEGIN ${INSERT} ('user-disabled', new.id, NULL, NULL); END`,
  // Renamed, made or unmade an admin, or enabled again.
  `CREATE TRIGGER user_changed AFTER UPDATE OF username, is_admin, is_active ON user
   WHEN new.username <> old.username OR new.is_admin <> old.is_admin OR new.is_active > old.is_active
   BEGIN ${INSERT} ('user-changed', new.id, NULL, NULL); END`,
  `CREATE TRIGGER user_erased AFTER DELETE ON user
   BEGIN ${INSERT} ('user-erased', old.id, NULL, NULL); END`,
  `CREATE TRIGGER device_made AFTER INSERT ON device WHEN new.is_primary = 1
   BEGIN ${INSERT} ('device-bound', new.id, NULL, new.user_id); END`,
  `CREATE TRIGGER device_bound AFTER UPDATE OF user_id, is_primary ON device
   WHEN new.user_id IS NOT old.user_id OR new.is_primary <> old.is_primary
   BEGIN ${INSERT} ('device-bound', new.id, old.user_id, new.user_id); END`,
  `CREATE TRIGGER device_erased AFTER DELETE ON device
   BEGIN ${INSERT} ('device-bound', old.id, old.user_id, NULL); END`,
];
