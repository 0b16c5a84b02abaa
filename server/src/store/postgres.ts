import { hostname } from "node:os";
import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import { Audit } from "./audit.ts";
import { Devices } from "./devices.ts";
import { advancePostgresIds, Imports } from "./imports.ts";
import type { LogStore, Quota } from "./log-store.ts";
import { postgresChanges, postgresCredentials } from "./postgres-authority.ts";
import { PostgresLog } from "./postgres-log.ts";
import { PostgresNode } from "./postgres-node.ts";
import { PostgresPool } from "./postgres-pool.ts";
import { PostgresQueue } from "./postgres-queue.ts";
import { kyselyOn, migratePostgres } from "./postgres-schema.ts";
import { PostgresShared } from "./postgres-shared.ts";
import type { QueueStore } from "./queue-store.ts";
import { Services } from "./services.ts";
import type { SharedStore } from "./shared-store.ts";
import { type AuthorityChanges, type CredentialReader, type Store, StoreError } from "./store.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

/** Most connections of one process: accounts and credentials, the log's reads, the writes; one more shows that it lives. */
const CONNECTIONS = { accounts: 8, reads: 8, writes: 4 };
const CHECK_MS = 2_000;

export interface PostgresOptions {
  readonly quota?: Quota;
}

/** The shared store: the truth of every node that opens it. A commit that was answered is on the server's disk. */
export class PostgresStore implements Store {
  readonly credentials: CredentialReader;
  readonly changes: AuthorityChanges;
  readonly users: Users;
  readonly devices: Devices;
  readonly services: Services;
  readonly tokens: Tokens;
  readonly log: LogStore;
  readonly queue: QueueStore;
  readonly audit: Audit;
  readonly imports: Imports;
  readonly shared: SharedStore;
  readonly #pools: readonly PostgresPool[];
  readonly #accounts: PostgresPool;
  readonly #node: PostgresNode;

  /**
   * Connects to `url` (`postgres://…`) and migrates the database, which must be there.
   * @throws StoreError when it cannot be reached, refuses us, is too old, or was made by a newer program
   */
  static async open(url: string, clock: Clock, options: PostgresOptions = {}): Promise<PostgresStore> {
    await migratePostgres(url);
    return new PostgresStore(url, clock, options);
  }

  private constructor(url: string, clock: Clock, { quota }: PostgresOptions) {
    const pool = (name: keyof typeof CONNECTIONS) => new PostgresPool({ url, name, size: CONNECTIONS[name] });
    const [accounts, reads, writes] = [pool("accounts"), pool("reads"), pool("writes")];
    this.#pools = [accounts, reads, writes];
    this.#accounts = accounts;
    this.#node = new PostgresNode(url, `${hostname()}-${newId().slice(-6)}`, clock);
    const kysely = kyselyOn(accounts);
    this.users = new Users(kysely, clock);
    this.devices = new Devices(kysely, clock);
    this.services = new Services(kysely, clock);
    this.tokens = new Tokens(kysely, clock);
    this.audit = new Audit(kysely, clock);
    this.imports = new Imports(kysely, () => clock.now(), advancePostgresIds);
    this.log = new PostgresLog({ reads, writes, node: this.#node, clock, ...(quota && { quota }) });
    this.queue = new PostgresQueue(writes, clock, undefined, this.#node);
    this.shared = new PostgresShared(accounts, this.#node);
    this.credentials = postgresCredentials(accounts);
    this.changes = postgresChanges(accounts, (listener) => this.#node.onNews(listener));
  }

  async check(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("no answer")), CHECK_MS);
    try {
      await Promise.race([this.#accounts.run({ name: "check", text: "SELECT 1" }), late]);
    } catch (error) {
      throw new StoreError("the database does not answer", { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#node.leave().catch(() => undefined);
    await Promise.all(this.#pools.map((pool) => pool.end()));
  }
}
