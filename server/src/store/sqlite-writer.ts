import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { Quota } from "./log-store.ts";
import type { EnqueueOutcome, NewQueueEntry } from "./queue-store.ts";
import { SqliteLogWriter } from "./sqlite-log-writer.ts";
import { SqliteQueueWriter } from "./sqlite-queue-writer.ts";
import { Threads } from "./threads.ts";

/** What the writer does for others: the log's writes, the queue's, and one statement of a management query. */
export interface WriterCalls
  extends Pick<
    SqliteLogWriter,
    "open" | "close" | "accept" | "createCursorAtTop" | "saveCursors" | "setAside" | "beginEpoch" | "retain"
  > {
  enqueue(entries: readonly NewQueueEntry[], capacity: number): EnqueueOutcome[];
  removeQueued(ids: readonly number[]): void;
  setAsideQueued(id: number, reason: string, now: number, kept: number): void;
  clearQueue(): void;
  /** Runs one statement. `BEGIN` keeps everything else waiting until `COMMIT` or `ROLLBACK`. */
  query(sql: string, parameters: readonly unknown[]): StatementResult;
}

export interface StatementResult {
  readonly rows: unknown[];
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

type Call = keyof WriterCalls;
type Result<Name extends Call> = ReturnType<WriterCalls[Name]>;

/** The one connection that writes. Calls run one after another, in the order they were made. */
export interface SqliteWriter {
  call<Name extends Call>(name: Name, ...args: Parameters<WriterCalls[Name]>): Promise<Result<Name>>;
  /** Finishes what was called and closes. */
  close(): Promise<void>;
}

/** How every connection of ours is set up: durable at each commit, patient with another process's transaction. */
export function configure(database: Database): void {
  database.run("PRAGMA busy_timeout = 5000");
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  // 16 MB of log: a page that many commits changed is copied once, and fewer commits wait for the copying.
  database.run("PRAGMA wal_autocheckpoint = 4000");
}

/** The calls on `database`, for whichever thread owns it. */
function writerCalls(database: Database, quota: Quota): WriterCalls {
  const log = new SqliteLogWriter(database, quota);
  const queue = new SqliteQueueWriter(database);
  return {
    open: () => log.open(),
    close: () => log.close(),
    accept: (messages) => log.accept(messages),
    createCursorAtTop: (key, now) => log.createCursorAtTop(key, now),
    saveCursors: (cursors) => log.saveCursors(cursors),
    setAside: (key, seq) => log.setAside(key, seq),
    beginEpoch: (userId, from) => log.beginEpoch(userId, from),
    retain: (rules) => log.retain(rules),
    enqueue: (entries, capacity) => queue.enqueue(entries, capacity),
    removeQueued: (ids) => queue.remove(ids),
    setAsideQueued: (id, reason, now, kept) => queue.setAside(id, reason, now, kept),
    clearQueue: () => queue.clear(),
    query: (sql, parameters) => {
      // A full disk, for one, has rolled back already.
      if (sql === "ROLLBACK" && !database.inTransaction) return { rows: [], changes: 0, lastInsertRowid: 0 };
      const statement = database.query<unknown, SQLQueryBindings[]>(sql);
      const bindings = parameters as SQLQueryBindings[];
      if (statement.columnNames.length > 0) return { rows: statement.all(...bindings), changes: 0, lastInsertRowid: 0 };
      const { changes, lastInsertRowid } = statement.run(...bindings);
      return { rows: [], changes, lastInsertRowid };
    },
  };
}

/**
 * Calls on the one connection, in order. While a management transaction is open its own statements pass, and everything
 * else waits: it would become part of it.
 */
export class CallQueue {
  readonly #calls: WriterCalls;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    quota: Quota,
  ) {
    this.#calls = writerCalls(database, quota);
  }

  /** Has `settle` run the call, now or when it is its turn. */
  run<Name extends Call>(name: Name, args: readonly unknown[], settle: (work: () => Result<Name>) => void): void {
    const turn = () => settle(() => invoke(this.#calls, name, args));
    // The database is asked, not the statements: a commit can fail and leave the transaction open, or end it.
    if (name !== "query" && this.database.inTransaction) {
      this.#waiting.push(turn);
      return;
    }
    turn();
    while (!this.database.inTransaction) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next();
    }
  }
}

/** The writer on the caller's own thread: for commands that come and go, and for databases in memory. */
export class InlineWriter implements SqliteWriter {
  readonly #queue: CallQueue;

  constructor(database: Database, quota: Quota) {
    this.#queue = new CallQueue(database, quota);
  }

  call<Name extends Call>(name: Name, ...args: Parameters<WriterCalls[Name]>): Promise<Result<Name>> {
    return new Promise((resolve, reject) => {
      this.#queue.run(name, args, (work) => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  async close(): Promise<void> {}
}

/**
 * Calls that are made all the time, and whose arguments and results are plain JSON values. They cross threads as text, both
 * ways: a string is copied, while a structured clone of the same objects takes about twice the processor time.
 */
const PLAIN_CALLS: ReadonlySet<Call> = new Set(["accept", "saveCursors"]);

/** A request to the writer's thread. */
export interface WriterRequest {
  readonly id: number;
  readonly name: Call;
  readonly args: readonly unknown[];
}

/** Its answer. Errors cross threads as what is needed to tell them apart. */
export interface WriterAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code: string | undefined };
}

/** An error of the writer's thread, with SQLite's code. */
export class WriterError extends Error {
  override readonly name = "WriterError";
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/**
 * The writer on a thread of its own, so that a slow disk stalls no socket (a commit waits for the disk).
 * @throws WriterError from calls whose statement failed, and from all calls once the thread has died
 */
export class ThreadWriter implements SqliteWriter {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  #dead: Error | undefined;

  constructor(path: string, quota: Quota) {
    this.#worker = new Worker(Threads.sqliteWriter);
    this.#worker.onmessage = ({ data }: MessageEvent<WriterAnswer | string>) => {
      this.#settle(typeof data === "string" ? (JSON.parse(data) as WriterAnswer) : data);
    };
    this.#worker.onerror = (event) => this.#die(new WriterError(event.message, undefined));
    this.#worker.addEventListener("close", () => this.#die(new WriterError("the writer has stopped", undefined)));
    this.#worker.postMessage({ path, quota });
  }

  call<Name extends Call>(name: Name, ...args: Parameters<WriterCalls[Name]>): Promise<Result<Name>> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = ++this.#lastId;
    return new Promise<Result<Name>>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      const request = { id, name, args } satisfies WriterRequest;
      this.#worker.postMessage(PLAIN_CALLS.has(name) ? JSON.stringify(request) : request);
    });
  }

  async close(): Promise<void> {
    if (this.#dead === undefined) {
      // It comes back when everything before it is done. Once the thread is being ended it would find the file busy.
      await this.call("query", "PRAGMA wal_checkpoint(PASSIVE)", []).catch(() => undefined);
      this.#dead = new WriterError("the writer has stopped", undefined);
      this.#worker.terminate();
    }
  }

  #settle({ id, result, error }: WriterAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new WriterError(error.message, error.code));
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Calls by name: each name has its own arguments, which the caller's types have checked. */
function invoke<Name extends Call>(calls: WriterCalls, name: Name, args: readonly unknown[]): Result<Name> {
  const call = calls[name] as (...args: readonly unknown[]) => Result<Name>;
  return call(...args);
}
