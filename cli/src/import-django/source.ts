import type { ImportedDevice, ImportedToken, ImportedUser } from "@qy-lty/server/store/imports.ts";
import { UsageError } from "../exit.ts";
import { quoted, ROLES, type Role, type TableNames } from "./names.ts";
import type { Row, SourceDatabase } from "./source-database.ts";

/** Rows of one page, and of one transaction on the other side. */
const PAGE_ROWS = 1_000;

/** Who becomes an admin: Django's superusers, its staff, or nobody. */
export type Admins = "superusers" | "staff" | "nobody";

/** What is read beside the names. */
export interface SourceOptions {
  readonly names: Readonly<Record<Role, TableNames>>;
  readonly without: readonly Role[];
  readonly admins: Admins;
}

/** Whose device it is, of all who are bound to it. */
export interface Binding {
  readonly userId: number;
  readonly isPrimary: boolean;
}

/** The accounts of a Django site, in pages in order of their ids. */
export class DjangoSource {
  private constructor(
    private readonly database: SourceDatabase,
    private readonly options: SourceOptions,
    private readonly present: Readonly<Record<Role, ReadonlySet<string>>>,
  ) {}

  /** @throws UsageError when a table or a column is not there that is wanted */
  static async open(database: SourceDatabase, options: SourceOptions): Promise<DjangoSource> {
    const present = {} as Record<Role, ReadonlySet<string>>;
    for (const role of ROLES) {
      const { table, columns } = options.names[role];
      const found = new Set(options.without.includes(role) ? [] : await database.columns(table));
      if (found.size === 0 && !options.without.includes(role)) throw missingTable(database, role, table);
      for (const [column, { name, isRequired }] of columns) {
        if (found.size === 0 || !isRequired || found.has(name)) continue;
        throw new UsageError(
          `${database.name}: ${table} has no column ${name}; name it with --column ${role}.${column}=NAME`,
        );
      }
      present[role] = new Set([...columns].filter(([, { name }]) => found.has(name)).map(([column]) => column));
    }
    return new DjangoSource(database, options, present);
  }

  async count(role: Role): Promise<number> {
    if (this.present[role].size === 0) return 0;
    const [row] = await this.database.rows(`SELECT count(*) AS n FROM ${quoted(this.options.names[role].table)}`);
    return Number(row?.n ?? 0);
  }

  /** The newest id that was handed out. */
  async lastId(role: "users" | "devices"): Promise<number> {
    if (this.present[role].size === 0) return 0;
    const { table, columns } = this.options.names[role];
    return this.database.lastId(table, columns.get("id")?.name ?? "id");
  }

  async *users(): AsyncGenerator<readonly ImportedUser[]> {
    const { admins } = this.options;
    for await (const page of this.#pages("users", "id", ["date_joined"])) {
      yield page.map((row) => ({
        id: toId(row.id, "a user's id"),
        username: String(row.username),
        passwordHash: toPasswordHash(row.password),
        isAdmin: admins === "superusers" ? toFlag(row.is_superuser) : admins === "staff" && toFlag(row.is_staff),
        isActive: row.is_active === undefined || toFlag(row.is_active),
        createdAt: toMs(row.date_joined) ?? 0,
      }));
    }
  }

  async *tokens(): AsyncGenerator<readonly ImportedToken[]> {
    for await (const page of this.#pages("tokens", "key", ["created"])) {
      yield page.map((row) => ({
        token: String(row.key),
        userId: toId(row.user_id, "the user of a token"),
        createdAt: toMs(row.created) ?? 0,
      }));
    }
  }

  /** Devices as they are, without whose they are. */
  async *devices(): AsyncGenerator<readonly Omit<ImportedDevice, "userId" | "isPrimary">[]> {
    for await (const page of this.#pages("devices", "id", ["created_at"])) {
      yield page.map((row) => {
        const id = toId(row.id, "a device's id");
        return {
          id,
          name: toText(row.name) ?? `Device ${id}`,
          serial: toText(row.serial_number),
          createdAt: toMs(row.created_at),
        };
      });
    }
  }

  /** Every binding, oldest first: device, and who is bound to it. */
  async bindings(): Promise<readonly (Binding & { readonly deviceId: number })[]> {
    if (this.present.bindings.size === 0) return [];
    const order = this.present.bindings.has("id") ? "id" : "device_id, user_id";
    const rows = await this.database.rows(`${this.#select("bindings", [])} ORDER BY ${order}`);
    return rows.map((row) => ({
      deviceId: toId(row.device_id, "the device of a binding"),
      userId: toId(row.user_id, "the user of a binding"),
      isPrimary: toFlag(row.is_primary),
    }));
  }

  async *#pages(role: Role, key: string, moments: readonly string[]): AsyncGenerator<readonly Row[]> {
    if (this.present[role].size === 0) return;
    const column = quoted(this.options.names[role].columns.get(key)?.name ?? key);
    const select = this.#select(role, moments);
    let last: string | number | undefined;
    for (;;) {
      const after = last === undefined ? "" : ` WHERE ${column} > ${this.database.parameter}`;
      const statement = `${select}${after} ORDER BY ${column} LIMIT ${PAGE_ROWS}`;
      const rows = await this.database.rows(statement, last === undefined ? [] : [last]);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) return;
      last = rows.at(-1)?.[key] as string | number;
    }
  }

  #select(role: Role, moments: readonly string[]): string {
    const { table, columns } = this.options.names[role];
    const wanted = [...this.present[role]].map((column) => {
      const name = columns.get(column)?.name ?? column;
      return `${moments.includes(column) ? this.database.moment(name) : quoted(name)} AS ${column}`;
    });
    return `SELECT ${wanted.join(", ")} FROM ${quoted(table)}`;
  }
}

function missingTable(database: SourceDatabase, role: Role, table: string): UsageError {
  const without = role === "users" ? "" : `, or leave it out with --without ${role}`;
  return new UsageError(`${database.name}: there is no table ${table}; name it with --table ${role}=NAME${without}`);
}

/** @throws UsageError for what is no positive whole number */
function toId(value: unknown, what: string): number {
  const id = Number(value);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new UsageError(`${what} is '${String(value).slice(0, 40)}'; only whole numbers can be taken over`);
}

function toFlag(value: unknown): boolean {
  return value === true || value === 1;
}

function toText(value: unknown): string | null {
  const text = value === null || value === undefined ? "" : String(value).trim();
  return text === "" ? null : text;
}

/** A number is in milliseconds already; text is Django's, in UTC: `2026-01-02 03:04:05.123456`. */
function toMs(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const [, day, time, hours = "+00", minutes = "00"] =
    /^(\d{4}-\d\d-\d\d)[ T]([\d:.]+)(?:Z|([+-]\d\d)(?::?(\d\d))?)?$/.exec(value) ?? [];
  const at = Date.parse(`${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(at) ? null : at;
}

/** Django puts the name of its hasher before argon2's own form; `!` marks a password that cannot be used. */
function toPasswordHash(value: unknown): string | null {
  const text = toText(value);
  if (text === null || text.startsWith("!")) return null;
  return text.startsWith("argon2$") ? text.slice("argon2".length) : text;
}
