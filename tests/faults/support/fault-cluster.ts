import { rmSync } from "node:fs";
import { hashToken, mintToken, tokenPrefix } from "@qy-lty/server/platform/ids.ts";
import { type PostgresServer, type RedisServer, type ServicePlace, startPostgres, startRedis } from "@qy-lty/testkit";
import { inheritedEnvironment, runChild, temporaryFolder } from "../../../bench/src/workspace.ts";
import { LTY, ServerProcess } from "./server-process.ts";

const MIGRATE_MS = 60_000;

export interface FaultClusterOptions {
  /** So many users, each with a device and its token; user and device `i + 1` belong to token `i`. */
  readonly people: number;
  readonly nodes?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Where each part runs; all on this machine unless given. */
  readonly places?: ClusterPlaces;
}

export interface ClusterPlaces {
  readonly postgres: ServicePlace;
  readonly redis: ServicePlace;
  readonly nodes: readonly NodePlace[];
}

/** Where a node runs, and where it reaches the others. */
export interface NodePlace {
  readonly prefix: readonly string[];
  readonly postgres: string;
  readonly redis: string;
}

/** Nodes of one PostgreSQL and one Redis, all of which tests kill and start again. */
export class FaultCluster implements AsyncDisposable {
  readonly folder = temporaryFolder();
  readonly nodes: readonly ServerProcess[];
  /** Token of the device `i + 1`. */
  readonly tokens: readonly string[];
  /** Token of an administrator, who may push to everybody. */
  readonly admin = mintToken();
  /** Nodes that nobody should be sent to: those who know of them, as a load balancer does. */
  readonly away = new Set<ServerProcess>();

  private constructor(
    { people, nodes = 2, env = {}, places }: FaultClusterOptions,
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly databaseUrl: string,
  ) {
    this.tokens = Array.from({ length: people }, mintToken);
    this.nodes = Array.from({ length: nodes }, (_, index) => {
      const place = places?.nodes[index];
      return new ServerProcess({
        cwd: this.folder,
        environment: (port: number) => ({ ...this.#environment(place), ...env, LTY_PORT: String(port) }),
        ...(place !== undefined && { prefix: place.prefix }),
      });
    });
  }

  /** A cluster that serves. */
  static async start(options: FaultClusterOptions): Promise<FaultCluster> {
    const [postgres, redis] = await Promise.all([
      startPostgres(options.places?.postgres),
      startRedis(options.places?.redis),
    ]);
    const cluster = new FaultCluster(options, postgres, redis, await postgres.createDatabase());
    try {
      const at = { cwd: cluster.folder, env: cluster.#environment() };
      const migrated = await runChild([LTY, "migrate"], MIGRATE_MS, at);
      if (migrated.exitCode !== 0) throw new Error(`lty migrate: ${migrated.stderr}`);
      await cluster.#seed();
      await Promise.all(cluster.nodes.map((node) => node.serve()));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The port of a node picked at random, of those that are not `away` if there are any. */
  get port(): number {
    const here = this.nodes.filter((node) => !this.away.has(node));
    const nodes = here.length > 0 ? here : this.nodes;
    return nodes[Math.floor(Math.random() * nodes.length)]?.port ?? 0;
  }

  /** The user of the administrator's token, who has no device. */
  get adminId(): number {
    return this.tokens.length + 1;
  }

  /** What all nodes logged. */
  get log(): string {
    return this.nodes.map(({ log }) => log).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.redis[Symbol.asyncDispose]();
    await this.postgres[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #environment(place?: NodePlace): Record<string, string> {
    const { postgres, redis } = this;
    const seen = (url: string, from: string, host: string | undefined) =>
      host === undefined ? url : url.replace(from, host);
    return {
      ...inheritedEnvironment(),
      LTY_DATABASE_URL: seen(this.databaseUrl, postgres.service.host, place?.postgres),
      LTY_REDIS_URL: seen(redis.url, redis.service.host, place?.redis),
      LTY_RATE_LIMIT_MESSAGES: "0",
      LTY_LOG_LEVEL: "warn",
      LTY_WEATHER_PROVIDER: "fixed",
    };
  }

  /** Users, their devices and their tokens, written directly: by commands it would take minutes. */
  async #seed(): Promise<void> {
    const now = Date.now();
    const ids = this.tokens.map((_, index) => index + 1);
    const rows = (of: (id: number) => string) => ids.map(of).join();
    const token = (secret: string, kind: string, id: number) =>
      `('${tokenPrefix(secret)}','${hashToken(secret)}','${kind}',${kind === "user" ? id : "NULL"},${kind === "device" ? id : "NULL"},${now})`;
    const statements = [
      `INSERT INTO "user"(id, username, is_admin, is_active, created_at)
       VALUES ${rows((id) => `(${id},'user-${id}',0,1,${now})`)},(${this.adminId},'admin',1,1,${now})`,
      `INSERT INTO device(id, name, user_id, is_primary, created_at, bound_at)
       VALUES ${rows((id) => `(${id},'device-${id}',${id},1,${now},${now})`)}`,
      `INSERT INTO token(prefix, hash, kind, user_id, device_id, created_at)
       VALUES ${this.tokens.map((secret, index) => token(secret, "device", index + 1)).join()},${token(this.admin, "user", this.adminId)}`,
    ];
    for (const statement of statements) await this.postgres.run(this.databaseUrl, statement);
  }
}
