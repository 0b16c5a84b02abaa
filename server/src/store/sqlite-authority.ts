import type { Database } from "bun:sqlite";
import { CREDENTIAL_BY_HASH, CREDENTIAL_BY_ID, type CredentialRow, toCredentialRecord } from "./credentials.ts";
import type { SqliteWriter } from "./sqlite-writer.ts";
import type { AuthorityChange, AuthorityChanges, CredentialReader } from "./store.ts";

const CHANGES_KEPT = 10_000;
const CHANGES_A_READ = 1_000;

/** Credentials, by statements prepared once: the one read on the way of every handshake. */
export function sqliteCredentials(database: Database): CredentialReader {
  const byHash = database.query<CredentialRow, [string]>(CREDENTIAL_BY_HASH);
  const byId = database.query<CredentialRow, [number]>(CREDENTIAL_BY_ID);
  return {
    findByHash: (hash) => toCredentialRecord(byHash.get(hash)),
    findById: (tokenId) => toCredentialRecord(byId.get(tokenId)),
  };
}

/** The feed of changes that the triggers write. */
export function sqliteChanges(database: Database, writer: SqliteWriter): AuthorityChanges {
  const latest = database.query<{ seq: number | null }, []>("SELECT max(seq) AS seq FROM authority_change");
  const after = database.query<AuthorityChange, [number, number]>(
    "SELECT * FROM authority_change WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const prune = "DELETE FROM authority_change WHERE seq <= (SELECT max(seq) FROM authority_change) - ?";
  return {
    latest: () => latest.get()?.seq ?? 0,
    // Where reader and writer are one connection, a transaction shows what it may yet take back: wait for its end.
    after: (seq) => (database.inTransaction ? [] : after.all(seq, CHANGES_A_READ)),
    // A file tells nobody.
    watch: () => {},
    prune: async () => {
      await writer.call("query", prune, [CHANGES_KEPT]);
    },
  };
}
