import { type Kysely, sql } from "kysely";

/** Socket tickets, which any node may be shown. Not logged: a server that falls takes along what would live for 30 s. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `CREATE UNLOGGED TABLE ticket (
     hash text COLLATE "C" PRIMARY KEY,
     token_id bigint NOT NULL,
     device_id bigint,
     expires_at timestamptz NOT NULL
   )`,
  "CREATE INDEX ticket_expiry ON ticket(expires_at)",
  // Of too many the oldest goes, as it does where there is one process.
  `CREATE FUNCTION ticket_save(new_hash text, for_token bigint, for_device bigint, lifetime_ms bigint, most integer)
   RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM set_config('synchronous_commit', 'off', true);
     DELETE FROM ticket WHERE expires_at <= clock_timestamp()
       OR hash IN (SELECT hash FROM ticket ORDER BY expires_at DESC, hash OFFSET most - 1);
     INSERT INTO ticket(hash, token_id, device_id, expires_at)
     VALUES (new_hash, for_token, for_device, clock_timestamp() + lifetime_ms * interval '1 millisecond');
   END $$`,
];
