import type { Migration } from "kysely/migration";
import * as accounts from "./0001-accounts.ts";
import * as log from "./0002-log.ts";
import * as queue from "./0003-queue.ts";
import * as audit from "./0004-audit.ts";
import * as cluster from "./0004-cluster.ts";
import * as clusterRestore from "./0004-cluster-restore.ts";
import * as creation from "./0005-creation.ts";
import * as queueNews from "./0005-queue-news.ts";
import * as tickets from "./0006-tickets.ts";
import * as buriedNodes from "./0007-buried-nodes.ts";
import * as sharedCursors from "./0008-shared-cursors.ts";
import * as departed from "./0009-departed.ts";
import * as messagesByArrival from "./0010-messages-by-arrival.ts";

/**
 * The migrations for PostgreSQL: the same names, and the same schema at each of them, in its own dialect; and what only
 * nodes who share a database need.
 */
export const postgresMigrations: Readonly<Record<string, Migration>> = {
  "0001-accounts": accounts,
  "0002-log": log,
  "0003-queue": queue,
  "0004-audit": audit,
  "0004-cluster": cluster,
  "0004-cluster-restore": clusterRestore,
  "0005-creation": creation,
  "0005-queue-news": queueNews,
  "0006-tickets": tickets,
  "0007-buried-nodes": buriedNodes,
  "0008-shared-cursors": sharedCursors,
  "0009-departed": departed,
  "0010-messages-by-arrival": messagesByArrival,
};
