import { CREDENTIAL, type CredentialRow, toCredentialRecord } from "./credentials.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import type { AuthorityChange, AuthorityChanges, CredentialReader } from "./store.ts";

const CHANGES_KEPT = 10_000;
const CHANGES_A_READ = 1_000;

const BY_HASH = { name: "credential_by_hash", text: `${CREDENTIAL} WHERE token.hash = $1` };
const BY_ID = { name: "credential_by_id", text: `${CREDENTIAL} WHERE token.id = $1` };
const LATEST = { name: "authority_latest", text: "SELECT coalesce(max(seq), 0) AS seq FROM authority_change" };
const AFTER = {
  name: "authority_after",
  text: "SELECT * FROM authority_change WHERE seq > $1 ORDER BY seq LIMIT $2",
};
const PRUNE = {
  name: "authority_prune",
  text: "DELETE FROM authority_change WHERE seq <= (SELECT max(seq) FROM authority_change) - $1",
};

/** Credentials: the one read on the way of every handshake. */
export function postgresCredentials(pool: PostgresPool): CredentialReader {
  return {
    findByHash: async (hash) => toCredentialRecord((await pool.run<CredentialRow>(BY_HASH, [hash]))[0]),
    findById: async (tokenId) => toCredentialRecord((await pool.run<CredentialRow>(BY_ID, [tokenId]))[0]),
  };
}

/** The feed of changes that the triggers write; its numbers show in order. */
export function postgresChanges(pool: PostgresPool, watch: AuthorityChanges["watch"]): AuthorityChanges {
  return {
    latest: async () => (await pool.run<{ seq: number }>(LATEST))[0]?.seq ?? 0,
    after: (seq) => pool.run<AuthorityChange>(AFTER, [seq, CHANGES_A_READ]),
    watch,
    prune: async () => {
      await pool.run(PRUNE, [CHANGES_KEPT]);
    },
  };
}
