import type { Database, SQLQueryBindings } from "bun:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { SqliteWriter } from "./sqlite-writer.ts";

/**
 * Kysely on our two connections: what only reads runs on `reader`, at once; everything else goes through the writer, so
 * that there is one writer in the process and its commits stall nobody.
 */
export function sqliteDialect(reader: Database, writer: SqliteWriter): Dialect {
  return {
    createAdapter: () => new WriterAdapter(),
    createDriver: () => new WriterDriver(reader, writer),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class WriterAdapter extends SqliteAdapter {
  /** We take turns ourselves: Kysely would keep also those waiting who only read. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class WriterDriver implements Driver {
  readonly #turns = new Turns();

  constructor(
    private readonly reader: Database,
    private readonly writer: SqliteWriter,
  ) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<WriterConnection> {
    return new WriterConnection(this.reader, this.writer, this.#turns);
  }

  beginTransaction(connection: WriterConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: WriterConnection): Promise<void> {
    return connection.end("COMMIT");
  }

  rollbackTransaction(connection: WriterConnection): Promise<void> {
    return connection.end("ROLLBACK");
  }

  /** A transaction that nobody ended, as one whose query was aborted, ends here: others wait for its turn. */
  releaseConnection(connection: WriterConnection): Promise<void> {
    return connection.end("ROLLBACK");
  }

  async destroy(): Promise<void> {}
}

/** One connection writes for everybody: who writes waits for the transaction before, or would become part of it. */
class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn, with what ends it. */
  async take(): Promise<() => void> {
    const before = this.#last;
    let release = () => {};
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }
}

class WriterConnection implements DatabaseConnection {
  #endTurn: (() => void) | undefined;

  constructor(
    private readonly reader: Database,
    private readonly writer: SqliteWriter,
    private readonly turns: Turns,
  ) {}

  async begin(): Promise<void> {
    this.#endTurn = await this.turns.take();
    try {
      await this.writer.call("query", "BEGIN IMMEDIATE", []);
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  /** Ends the transaction; nothing stays of one whose COMMIT fails. Its turn is given up only when it is over. */
  async end(how: "COMMIT" | "ROLLBACK"): Promise<void> {
    if (this.#endTurn === undefined) return;
    try {
      await this.writer.call("query", how, []);
    } catch (error) {
      if (how === "COMMIT") await this.writer.call("query", "ROLLBACK", []).catch(() => undefined);
      throw error;
    } finally {
      this.#finish();
    }
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    // Inside a transaction also reads go to the writer: they must see what it has written.
    if (this.#endTurn !== undefined) return this.#write<Row>(sql, parameters);
    if (/^\s*select\b/i.test(sql)) {
      return { rows: this.reader.query<Row, SQLQueryBindings[]>(sql).all(...(parameters as SQLQueryBindings[])) };
    }
    const endTurn = await this.turns.take();
    try {
      return await this.#write<Row>(sql, parameters);
    } finally {
      endTurn();
    }
  }

  // biome-ignore lint/correctness/useYield: the interface wants it, and nothing here reads more than fits in memory
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("streaming is not supported");
  }

  async #write<Row>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<Row>> {
    const { rows, changes, lastInsertRowid } = await this.writer.call("query", sql, parameters);
    return { rows: rows as Row[], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #finish(): void {
    this.#endTurn?.();
    this.#endTurn = undefined;
  }
}
