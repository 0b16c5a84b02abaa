import type { Migration } from "kysely/migration";
import * as accounts from "./0001-accounts.ts";
import * as log from "./0002-log.ts";
import * as queue from "./0003-queue.ts";
import * as audit from "./0004-audit.ts";
import * as creation from "./0005-creation.ts";
import * as messagesByArrival from "./0010-messages-by-arrival.ts";

/** Every migration, oldest first. A name that stands in a database is never changed. */
export const migrations: Readonly<Record<string, Migration>> = {
  "0001-accounts": accounts,
  "0002-log": log,
  "0003-queue": queue,
  "0004-audit": audit,
  "0005-creation": creation,
  "0010-messages-by-arrival": messagesByArrival,
};
