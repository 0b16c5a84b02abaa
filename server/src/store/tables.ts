import type { ColumnType, Generated } from "kysely";

/** 0 or 1: SQLite has no boolean, and a column means the same in every database we run on. */
export type Flag = 0 | 1;

/** Set by the database on insert, never changed. */
type Id = ColumnType<number, number | undefined, never>;

/** A person. */
export interface UserTable {
  id: Id;
  username: string;
  /** argon2id, or as Django made it until the next sign-in; null for users who never sign in with a password. */
  password_hash: string | null;
  is_admin: Flag;
  is_active: Flag;
  /** Milliseconds since the epoch, as all times here. */
  created_at: number;
}

/** A companion device and whose it is. At most one is its user's primary: a partial unique index. */
export interface DeviceTable {
  id: Id;
  name: string;
  serial: string | null;
  user_id: number | null;
  is_primary: Flag;
  created_at: number;
  bound_at: number | null;
  last_seen: number | null;
}

/** A backend that holds tokens. */
export interface ServiceTable {
  id: Id;
  name: string;
  may_issue_tokens: Flag;
  created_at: number;
}

/** A credential: its hash, never itself. Exactly one of the three owners is set, by `kind`. */
export interface TokenTable {
  id: Id;
  prefix: string;
  /** SHA-256 of the token, lower-case hex. */
  hash: string;
  kind: "user" | "device" | "service";
  user_id: number | null;
  device_id: number | null;
  service_id: number | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

/** What changed about who may do what, written by triggers so that no writer can forget it. */
export interface AuthorityChangeTable {
  seq: Generated<number>;
  kind: "token-made" | "token-revoked" | "user-changed" | "user-disabled" | "user-erased" | "device-bound";
  /** Id in the table that `kind` speaks of. */
  subject_id: number;
  /** The users a binding was taken from and given to. */
  from_user_id: number | null;
  to_user_id: number | null;
}

/** A change by an admin, an issuer or the command line. */
export interface AuditTable {
  id: Id;
  at: number;
  who: string;
  what: string;
  /** A JSON object. */
  subject: string;
  request_id: string | null;
}

/** The idempotency key of a user or a device that was made. */
export interface CreationKeyTable {
  caller: string;
  key: string;
  fingerprint: string;
  /** Id of what was made. */
  subject_id: number;
  created_at: number;
}

/** The schema, as Kysely types it. */
export interface Tables {
  user: UserTable;
  device: DeviceTable;
  service: ServiceTable;
  token: TokenTable;
  authority_change: AuthorityChangeTable;
  audit: AuditTable;
  creation_key: CreationKeyTable;
}
