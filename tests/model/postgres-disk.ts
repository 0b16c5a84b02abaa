import type { Clock } from "@qy-lty/server/platform/clock.ts";
import type { LogStore, Quota } from "@qy-lty/server/store/log-store.ts";
import { PostgresLog } from "@qy-lty/server/store/postgres-log.ts";
import { PostgresNode } from "@qy-lty/server/store/postgres-node.ts";
import { PostgresPool } from "@qy-lty/server/store/postgres-pool.ts";
import { PostgresShared } from "@qy-lty/server/store/postgres-shared.ts";
import type { NodeMessage, SharedStore } from "@qy-lty/server/store/shared-store.ts";
import type { PostgresDatabases } from "@qy-lty/server/store/testing/postgres-database.ts";
import pg from "pg";
import { type Copy, DEVICES, type Disk, type DiskKind, type Look, type Mount } from "./disk.ts";
import { Turn } from "./turn.ts";

/** Databases on a real server, each served by so many nodes. */
export function postgresKind(databases: PostgresDatabases, nodes: number): DiskKind {
  return {
    name: nodes === 1 ? "PostgreSQL" : `PostgreSQL, ${nodes} nodes`,
    nodes,
    answersLater: true,
    share: 1,
    make: (_clock, quota) => PostgresDisk.make(databases, quota),
  };
}

const LOOK = {
  name: "look",
  text: `SELECT
    (SELECT epoch FROM stream WHERE user_id = 1) AS epoch,
    (SELECT coalesce(json_agg(cursor), '[]') FROM cursor WHERE user_id = 1) AS cursors,
    (SELECT coalesce(json_agg(message_id ORDER BY seq), '[]') FROM message WHERE user_id = 1) AS ids`,
};

interface LookRow {
  readonly epoch: string | null;
  readonly cursors: readonly { readonly consumer: string; readonly acked: number; readonly attempts: number }[];
  readonly ids: readonly string[];
}

/** A database. Its nodes do one statement after another; what they say to one another is heard before the next. */
class PostgresDisk implements Disk {
  readonly turn = new Turn();
  readonly #mounts = new Set<PostgresMount>();
  #copies = 0;

  static async make(databases: PostgresDatabases, quota: Quota): Promise<PostgresDisk> {
    const url = await databases.make("peopled");
    const observer = new pg.Client(url);
    await observer.connect();
    await observer.query("INSERT INTO device(id, name, created_at) VALUES (13, 'd', 0)");
    const disk = new PostgresDisk(databases, url, observer, quota);
    for (const deviceId of DEVICES) await disk.bind(deviceId, 1);
    return disk;
  }

  private constructor(
    private readonly databases: PostgresDatabases,
    private readonly url: string,
    private readonly observer: pg.Client,
    private readonly quota: Quota,
  ) {}

  async mount(clock: Clock): Promise<Mount> {
    const mount = new PostgresMount(this.url, clock, this.quota, this.turn, {
      hear: (node) => this.#hear(node),
      // The server lets go of a node's lock when it notices that its connection is gone: waited for here.
      end: async (application) => {
        const ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1";
        await this.observer.query(ended, [application]);
      },
      lost: (made) => void this.#mounts.delete(made),
    });
    this.#mounts.add(mount);
    return mount;
  }

  async look(): Promise<Look> {
    const { rows } = await this.observer.query<LookRow>(LOOK);
    const { epoch = null, cursors = [], ids = [] } = rows[0] ?? {};
    return { epoch: epoch ?? "", ids, cursors: new Map(cursors.map((cursor) => [cursor.consumer, cursor])) };
  }

  async bind(deviceId: number, userId: number): Promise<void> {
    await this.observer.query("UPDATE device SET user_id = $1 WHERE id = $2", [userId, deviceId]);
  }

  /** Beside the tables themselves: whatever is read back into the same database lives where it did, as a copied disk does. */
  async copy(as: "copy" | "backup"): Promise<Copy> {
    const name = `copy_${++this.#copies}`;
    await this.observer.query(
      `CREATE SCHEMA ${name}; ${forEachTable(`'CREATE TABLE ${name}.%1$I AS TABLE public.%1$I'`)}`,
    );
    return async () => {
      await this.observer.query(
        `BEGIN; SET LOCAL session_replication_role = replica;
         ${forEachTable("'DELETE FROM public.%1$I'")};
         ${forEachTable(`'INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE SELECT * FROM ${name}.%1$I'`)};
         ${as === "backup" ? "UPDATE fact SET value = 'elsewhere' WHERE name = 'home'" : "SELECT 1"};
         COMMIT`,
      );
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.observer.end();
    await (await this.databases.server()).drop(this.url);
  }

  /** Resolves when a node has heard what it is about to be told; at once where it is dead, or does not hear. */
  #hear(node: number): Promise<void> {
    for (const mount of this.#mounts) if (mount.id === node && !mount.isCutOff) return mount.heard();
    return Promise.resolve();
  }
}

function forEachTable(statement: string): string {
  return `DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE format(${statement}, t); END LOOP;
  END $$`;
}

/** A node, whose rounds take turns with whatever else is done. */
class ModelNode extends PostgresNode {
  constructor(
    url: string,
    name: string,
    clock: Clock,
    private readonly turn: Turn,
  ) {
    super(url, name, clock);
  }

  override lookAround(): Promise<void> {
    return this.turn.run(() => super.lookAround());
  }

  /** Itself, as a part of something whose turn it is. */
  get asPart(): ModelNode {
    const lookAround = () => super.lookAround();
    return new Proxy(this, {
      get: (target, name) => {
        if (name === "lookAround") return lookAround;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}

interface Others {
  hear(node: number): Promise<void>;
  /** Ends the connections of this name. */
  end(application: string): Promise<void>;
  lost(mount: PostgresMount): void;
}

let nodes = 0;

/** One node's connections to the database. */
class PostgresMount implements Mount {
  readonly log: LogStore;
  readonly shared: SharedStore;
  isCutOff = false;
  readonly #application: string;
  readonly #pool: PostgresPool;
  readonly #node: ModelNode;
  #heard: (() => void) | undefined;
  /** It was cut off, or has come back. */
  #changed: (() => void) | undefined;

  constructor(
    url: string,
    clock: Clock,
    quota: Quota,
    private readonly turn: Turn,
    private readonly others: Others,
  ) {
    const name = `model ${++nodes}`;
    this.#application = `lty ${name} node`;
    this.#pool = new PostgresPool({ url, name, size: 1 });
    const node = new ModelNode(url, name, this.#watch(clock), turn);
    this.#node = node;
    this.log = new PostgresLog({
      reads: this.#pool,
      writes: this.#pool,
      node: node.asPart,
      clock,
      quota,
    });
    this.shared = new HeardShared(this.#pool, node.asPart, this.others);
    node.onMessage(() => this.#heard?.());
    node.onRejoined(() => this.#change(false));
  }

  get id(): number {
    return this.#node.id;
  }

  /** Resolves when the node has been told something. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  async cutOff(): Promise<void> {
    if (this.isCutOff) return;
    await this.turn.run(async () => {
      const changed = this.#whenChanged();
      await this.others.end(this.#application);
      await changed;
    });
  }

  async lose(): Promise<void> {
    this.others.lost(this);
    await this.others.end(this.#application);
    await this.#pool.end();
  }

  /** The one timer of a node that is not periodic tries to come back: that takes its turn, however it ends. */
  #watch(clock: Clock): Clock {
    const comeBack = (task: () => void) =>
      this.turn.run(async () => {
        const changed = this.#whenChanged();
        task();
        await changed;
      });
    return {
      ...clock,
      after: (delayMs, task) => {
        this.#change(true);
        return clock.after(delayMs, () => void comeBack(task));
      },
    };
  }

  #whenChanged(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  #change(isCutOff: boolean): void {
    this.isCutOff = isCutOff;
    this.#changed?.();
  }
}

/** Telling another node is done once it has heard. */
class HeardShared extends PostgresShared {
  constructor(
    pool: PostgresPool,
    node: ModelNode,
    private readonly others: Others,
  ) {
    super(pool, node);
  }

  override async tell(node: number, message: NodeMessage): Promise<void> {
    const heard = this.others.hear(node);
    await super.tell(node, message);
    await heard;
  }
}
