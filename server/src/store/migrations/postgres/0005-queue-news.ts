import { type Kysely, sql } from "kysely";

/** Whoever pushes what is queued hears of it at once, on whichever node it was queued. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `CREATE FUNCTION queue_news() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         NOTIFY lty_queue;
         RETURN NULL;
       END $$`,
    )
    .execute(db);
  await sql.raw("CREATE TRIGGER queue_news AFTER INSERT ON queue EXECUTE FUNCTION queue_news()").execute(db);
}
