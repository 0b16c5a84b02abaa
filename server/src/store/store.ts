import type { Principal } from "../auth/principal.ts";
import type { Audit } from "./audit.ts";
import type { Devices } from "./devices.ts";
import type { Imports } from "./imports.ts";
import type { LogStore } from "./log-store.ts";
import type { QueueStore } from "./queue-store.ts";
import type { Services } from "./services.ts";
import type { SharedStore } from "./shared-store.ts";
import type { AuthorityChangeTable } from "./tables.ts";
import type { Tokens } from "./tokens.ts";
import type { Users } from "./users.ts";

/** The database cannot be used. The message is one line for an operator and holds no credential. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** What a token's hash stands for. */
export interface CredentialRecord {
  readonly tokenId: number;
  readonly principal: Principal;
  /** The primary device of a user principal, or null. */
  readonly primaryDeviceId: number | null;
  /** Milliseconds since the epoch, or null: never. */
  readonly expiresAt: number | null;
  /** Revoked, or its user (for a device: its owner) is disabled. */
  readonly refused: boolean;
}

/** The one read on the way of every handshake and request; answers at once where the database is in process. */
export interface CredentialReader {
  /** By the token's hash. `undefined`: no such token. */
  findByHash(hash: string): CredentialRecord | undefined | Promise<CredentialRecord | undefined>;
  /** By the token's id: what a ticket stands for when it is used. */
  findById(tokenId: number): CredentialRecord | undefined | Promise<CredentialRecord | undefined>;
}

/** One change to who may do what. */
export type AuthorityChange = Readonly<Omit<AuthorityChangeTable, "seq">> & { readonly seq: number };

/** Changes to tokens, users and bindings, whoever made them: this process, the command line, another node. */
export interface AuthorityChanges {
  /** `seq` of the newest change; 0 before the first. */
  latest(): number | Promise<number>;
  /** The changes after `seq`, oldest first, at most 1,000. */
  after(seq: number): readonly AuthorityChange[] | Promise<readonly AuthorityChange[]>;
  /** Runs `listener` soon after a change, where the database tells; it may also run for no reason, and not for every change. */
  watch(listener: () => void): void;
  /** Forgets all but the newest 10,000. */
  prune(): void | Promise<void>;
}

/**
 * Everything that outlives the process.
 *
 * Guarantees: a write whose promise resolved is on disk; constraints (unique names, serials and hashes, one primary
 * device per user) hold whatever two writers do at once; ids are never used again.
 */
export interface Store {
  readonly credentials: CredentialReader;
  readonly changes: AuthorityChanges;
  readonly users: Users;
  readonly devices: Devices;
  readonly services: Services;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly imports: Imports;
  readonly log: LogStore;
  readonly queue: QueueStore;
  /** What nodes have in common who share this database; null where it is one process's own. */
  readonly shared: SharedStore | null;
  /** @throws StoreError when the database does not answer */
  check(): Promise<void>;
  close(): Promise<void>;
}
