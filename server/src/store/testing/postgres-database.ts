import { afterAll } from "bun:test";
import { type ManualClock, type PostgresServer, startPostgres } from "@qy-lty/testkit";
import type { Clock } from "../../platform/clock.ts";
import type { Quota } from "../log-store.ts";
import { PostgresLog } from "../postgres-log.ts";
import { PostgresNode } from "../postgres-node.ts";
import { PostgresPool } from "../postgres-pool.ts";
import { PostgresQueue } from "../postgres-queue.ts";
import { migratePostgres } from "../postgres-schema.ts";
import type { QueueSizes } from "../queue-store.ts";

/** Databases of ours on a server of their own, which is gone when the test file is done. */
export class PostgresDatabases {
  #server: Promise<PostgresServer> | undefined;
  #templates: Promise<{ readonly empty: string; readonly peopled: string }> | undefined;

  constructor() {
    afterAll(async () => (await this.#server)?.[Symbol.asyncDispose]());
  }

  server(): Promise<PostgresServer> {
    this.#server ??= startPostgres();
    return this.#server;
  }

  /** The URL of a migrated database. `peopled`: with users 1 to 3 and devices 11 and 12, which nobody owns. */
  async make(kind: "empty" | "peopled"): Promise<string> {
    const server = await this.server();
    // What migrations do is not what is tested with it: made once, and copied.
    this.#templates ??= makeTemplates(server);
    return server.createDatabase((await this.#templates)[kind]);
  }

  /** A database with users 1 to 3 and devices 11 and 12, and whoever opens its log. */
  async open(clock: ManualClock): Promise<PostgresDatabase> {
    return new PostgresDatabase(await this.server(), await this.make("peopled"), clock);
  }
}

async function makeTemplates(server: PostgresServer) {
  const [empty, peopled] = [await server.createDatabase(), await server.createDatabase()];
  for (const url of [empty, peopled]) await migratePostgres(url);
  await server.run(
    peopled,
    `INSERT INTO "user"(id, username, created_at) SELECT n, 'u' || n, 0 FROM generate_series(1, 3) AS n;
     INSERT INTO device(id, name, created_at) VALUES (11, 'd', 0), (12, 'd', 0)`,
  );
  return { empty: nameOf(empty), peopled: nameOf(peopled) };
}

/** One database, and the connections that were made to it. */
export class PostgresDatabase implements AsyncDisposable {
  readonly #pools: PostgresPool[] = [];
  readonly #nodes: PostgresNode[] = [];

  constructor(
    readonly server: PostgresServer,
    readonly url: string,
    private readonly clock: Clock,
  ) {}

  /** Its log, as a process opens it. */
  log(quota: Quota, url = this.url): PostgresLog {
    const node = new PostgresNode(url, "test", this.clock);
    this.#nodes.push(node);
    return new PostgresLog({ reads: this.#pool(url), writes: this.#pool(url), node, clock: this.clock, quota });
  }

  /** The log of a backup of it that was restored. */
  async restored(quota: Quota): Promise<PostgresLog> {
    return this.log(quota, await this.server.restore(this.url));
  }

  queue(capacity?: QueueSizes): PostgresQueue {
    return new PostgresQueue(this.#pool(this.url), this.clock, capacity);
  }

  /** Runs a statement, as another process would. */
  async run(statement: string): Promise<Record<string, unknown>[]> {
    return this.server.run(this.url, statement);
  }

  async bind(deviceId: number, userId: number | null): Promise<void> {
    await this.run(`UPDATE device SET user_id = ${userId ?? "NULL"} WHERE id = ${deviceId}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.leave().catch(() => undefined)));
    await Promise.all(this.#pools.map((pool) => pool.end()));
  }

  #pool(url: string): PostgresPool {
    const pool = new PostgresPool({ url, name: "test", size: 4 });
    this.#pools.push(pool);
    return pool;
  }
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
