import pg from "pg";
import type { Clock, Timer } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import { toStoreFailure, untilSettled } from "./postgres-errors.ts";
import { connectionConfig } from "./postgres-pool.ts";
import type { NodeMessage } from "./shared-store.ts";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 3_000;
const LISTEN = "LISTEN lty_authority; LISTEN lty_nodes; LISTEN lty_queue";
/** How often nodes that died are looked for, milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** What the log asks of the node that serves it. */
export interface NodeLock {
  /** Begins to serve. @throws GatewayError `UNAVAILABLE` */
  join(): Promise<void>;
  /** Ends in order. */
  leave(): Promise<void>;
  /** This node's number; 0 before it serves. */
  readonly id: number;
  /** Resolves once every node that had died by now is known to have. @throws GatewayError `UNAVAILABLE` */
  lookAround(): Promise<void>;
}

/**
 * This process among those that serve one database: a connection that holds a lock, which the server lets go of when the
 * process dies, and on which the server tells of changes. A connection that breaks is made again, sooner or later.
 */
export class PostgresNode implements NodeLock {
  #client: pg.Client | undefined;
  /** Its row's number; 0: it does not serve. */
  #id = 0;
  #previousId = 0;
  #rounds: Timer | undefined;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #listeners: (() => void)[] = [];
  readonly #messageListeners: ((from: number, message: NodeMessage) => void)[] = [];
  readonly #queueListeners: (() => void)[] = [];
  readonly #rejoinedListeners: (() => void)[] = [];
  readonly #buriedListeners: (() => void)[] = [];

  constructor(
    private readonly url: string,
    readonly name: string,
    private readonly clock: Clock,
  ) {}

  /** This node's number; 0 before it serves. */
  get id(): number {
    return this.#id;
  }

  /** The number under which it served before it joined again; 0 at first. */
  get previousId(): number {
    return this.#previousId;
  }

  /** Runs `listener` for what another node tells this one. */
  onMessage(listener: (from: number, message: NodeMessage) => void): void {
    this.#messageListeners.push(listener);
  }

  /** Runs `listener` when something was queued, and now and then: it may be this node's turn since. */
  onQueue(listener: () => void): void {
    this.#queueListeners.push(listener);
  }

  /** Runs `listener` when it serves under a new number. */
  onRejoined(listener: () => void): void {
    this.#rejoinedListeners.push(listener);
  }

  /** Runs `listener` when this node has found others dead, or may have. */
  onBuried(listener: () => void): void {
    this.#buriedListeners.push(listener);
  }

  /** Runs `listener` when the server tells of a change, and when it may have told while nobody listened. */
  onNews(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async join(): Promise<void> {
    try {
      const client = this.#client ?? (await this.#connect());
      // Whoever opens it again without an end in order has lost what it knew.
      if (this.#id !== 0) await client.query("SELECT pg_advisory_unlock_all()");
      await this.#enter(client);
      this.#rounds ??= this.clock.every(LOOK_EVERY_MS, () => {
        this.lookAround().then(
          () => this.#wakeQueue(),
          () => undefined,
        );
      });
    } catch (error) {
      throw toStoreFailure(error);
    }
  }

  async leave(): Promise<void> {
    this.#retry?.stop();
    this.#rounds?.stop();
    const [client, id] = [this.#client, this.#id];
    this.#client = undefined;
    this.#id = 0;
    try {
      if (id !== 0) await client?.query("DELETE FROM node WHERE id = $1", [id]);
    } catch (error) {
      throw toStoreFailure(error);
    } finally {
      await client?.end().catch(() => undefined);
    }
  }

  /** Calls that come while one is under way share the next. */
  lookAround(): Promise<void> {
    if (this.#id === 0) return Promise.resolve();
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    this.#next ??= this.#looking
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.lookAround();
      });
    return this.#next;
  }

  async #look(): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw toStoreFailure(Object.assign(new Error("not connected"), { code: "08003" }));
    try {
      // It writes the cursors of a node that died, which another may be writing just now.
      const bury = { name: "node_bury", text: "SELECT node_bury($1) AS died", values: [this.#id] };
      const { rows } = await untilSettled(() => client.query<{ died: boolean }>(bury));
      if (rows[0]?.died) this.#buried();
    } catch (error) {
      // Without an answer the connection may be dead, and the network takes its time to say so.
      if (!(error instanceof pg.DatabaseError)) this.#lost(client);
      throw toStoreFailure(error);
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(connectionConfig(this.url, `${this.name} node`));
    const lost = () => this.#lost(client);
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ channel, payload }) => {
      if (channel === "lty_nodes") this.#hear(payload ?? "");
      else if (channel === "lty_queue") this.#wakeQueue();
      else this.#tell();
    });
    try {
      await client.connect();
      await client.query(LISTEN);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    return client;
  }

  async #enter(client: pg.Client): Promise<void> {
    const values = [this.name, this.clock.now(), newId()];
    const join = () => client.query<{ id: number }>("SELECT node_join($1, $2, $3) AS id", values);
    const { rows } = await untilSettled(join);
    this.#id = rows[0]?.id ?? 0;
    this.#buried();
  }

  #buried(): void {
    for (const listener of this.#buriedListeners) listener();
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => undefined);
    this.#tryAgain();
  }

  #tryAgain(): void {
    this.#retry?.stop();
    this.#retry = this.clock.after(this.#retryMs, () => void this.#rejoin());
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  async #rejoin(): Promise<void> {
    const id = this.#id;
    if (id === 0) return;
    try {
      await this.#enter(await this.#connect());
      this.#previousId = id;
      this.#retryMs = FIRST_RETRY_MS;
      for (const listener of this.#rejoinedListeners) listener();
      this.#tell();
    } catch {
      // What it waits for is the same server that everybody else waits for, and they say so.
      const client = this.#client;
      this.#client = undefined;
      await client?.end().catch(() => undefined);
      this.#tryAgain();
    }
  }

  #wakeQueue(): void {
    for (const listener of this.#queueListeners) listener();
  }

  #hear(payload: string): void {
    const { to, from, message } = JSON.parse(payload) as { to: number; from: number; message: NodeMessage };
    if (to !== this.#id) return;
    for (const listener of this.#messageListeners) listener(from, message);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
