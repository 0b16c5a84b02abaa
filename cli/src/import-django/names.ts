import { UsageError } from "../exit.ts";

/** What is read, as `--table` and `--column` name it, and the columns it has in Django. `!` marks what must be there. */
const LAYOUT = {
  users: {
    table: "auth_user",
    columns: {
      ...{ id: "id!", username: "username!", password: "password", is_active: "is_active" },
      ...{ is_superuser: "is_superuser", is_staff: "is_staff", date_joined: "date_joined" },
    },
  },
  tokens: { table: "authtoken_token", columns: { key: "key!", user_id: "user_id!", created: "created" } },
  devices: {
    table: "device_interaction_device",
    columns: { id: "id!", name: "name", serial_number: "serial_number", created_at: "created_at" },
  },
  bindings: {
    table: "device_interaction_userdevice",
    columns: { id: "id", user_id: "user_id!", device_id: "device_id!", is_primary: "is_primary" },
  },
} as const;

/** One of the four tables. */
export type Role = keyof typeof LAYOUT;
export const ROLES = Object.keys(LAYOUT) as readonly Role[];

/** Where a table of the source is, and what its columns are called there. */
export interface TableNames {
  readonly table: string;
  readonly columns: ReadonlyMap<string, { readonly name: string; readonly isRequired: boolean }>;
}

/** A name as SQL takes it between quotes, perhaps behind that of a schema. */
const TABLE = /^[\p{L}_][\p{L}\p{N}_$]*(\.[\p{L}_][\p{L}\p{N}_$]*)?$/u;
const COLUMN = /^[\p{L}_][\p{L}\p{N}_$]*$/u;

/**
 * The names of Django, with those of `--table ROLE=TABLE` and `--column ROLE.COLUMN=COLUMN` in their place.
 * @throws UsageError for what is not of that form, or names nothing
 */
export function tableNames(tables: readonly string[], columns: readonly string[]): Readonly<Record<Role, TableNames>> {
  const tableOf = new Map<string, string>(tables.map((text) => assignment("--table", text, TABLE)));
  const columnOf = new Map<string, string>(columns.map((text) => assignment("--column", text, COLUMN)));
  const names = {} as Record<Role, TableNames>;
  for (const role of ROLES) {
    const columns = Object.entries<string>(LAYOUT[role].columns).map(([column, name]) => {
      const own = columnOf.get(`${role}.${column}`);
      columnOf.delete(`${role}.${column}`);
      const isRequired = own !== undefined || name.endsWith("!");
      return [column, { name: own ?? name.replace("!", ""), isRequired }] as const;
    });
    names[role] = { table: tableOf.get(role) ?? LAYOUT[role].table, columns: new Map(columns) };
    tableOf.delete(role);
  }
  for (const unknown of tableOf.keys()) throw new UsageError(`--table: '${unknown}' is none of ${ROLES.join(", ")}`);
  for (const unknown of columnOf.keys()) throw new UsageError(`--column: '${unknown}' is not read; ${columnList()}`);
  return names;
}

function assignment(flag: string, text: string, form: RegExp): [string, string] {
  const at = text.indexOf("=");
  const name = text.slice(at + 1);
  if (at < 1 || !form.test(name)) throw new UsageError(`${flag}: '${text.slice(0, 60)}' is not of the form WHAT=NAME`);
  return [text.slice(0, at), name];
}

function columnList(): string {
  return ROLES.map((role) => `${role}.{${Object.keys(LAYOUT[role].columns).join(",")}}`).join(" ");
}

/** A name between quotes: `public.users` → `"public"."users"`. */
export function quoted(name: string): string {
  return name
    .split(".")
    .map((part) => `"${part}"`)
    .join(".");
}
