import { code, table } from "./page.ts";

/** As much of JSON Schema as our contracts use. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly format?: string;
}

/** Named schemas, for `$ref`. */
export type Definitions = Readonly<Record<string, JsonSchema>>;

export function resolve(schema: JsonSchema, definitions: Definitions): JsonSchema {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) return definitions[name] ?? schema;
  if (schema.allOf === undefined) return schema;
  const all = schema.allOf.map((one) => resolve(one, definitions));
  return {
    type: "object",
    properties: Object.assign({}, ...all.map((one) => one.properties)),
    required: all.flatMap((one) => one.required ?? []),
  };
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  object: "object",
  null: "null",
};

/** What a value looks like, in a few words. */
export function typeOf(reference: JsonSchema, definitions: Definitions = {}): string {
  const schema = resolve(reference, definitions);
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeOf(one, definitions)).join(", or ");
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length === 0) return "any JSON value";
  return types.map((type) => oneType(type, schema, definitions)).join(" or ");
}

function oneType(type: string, schema: JsonSchema, definitions: Definitions): string {
  if (type === "array") return `list of ${typeOf(schema.items ?? {}, definitions)}`;
  if (type === "string" && schema.format === "date-time") return "moment (UTC ISO 8601)";
  if (type === "string" && schema.format === "uuid") return "UUID";
  if (type === "string") return `text${bounds(schema.minLength, schema.maxLength, " characters")}`;
  if (type === "integer") {
    const least = schema.minimum ?? (schema.exclusiveMinimum === undefined ? undefined : schema.exclusiveMinimum + 1);
    return `whole number${bounds(realBound(least), realBound(schema.maximum), "")}`;
  }
  return WORDS[type] ?? type;
}

/** The bounds of a safe integer go without saying. */
function realBound(bound: number | undefined): number | undefined {
  return bound !== undefined && Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound;
}

function bounds(min: number | undefined, max: number | undefined, unit: string): string {
  if (min !== undefined && max !== undefined) return ` (${min} to ${max}${unit})`;
  if (max !== undefined) return ` (at most ${max}${unit})`;
  if (min === 1 && unit !== "") return " (not empty)";
  return min === undefined ? "" : ` (${min} or more)`;
}

/** Whose members a table shows: what a caller writes, what an answer may hold, or what an answer always holds. */
export type Side = "request" | "frame" | "answer";

const PRESENCE: Readonly<Record<Side, string | undefined>> = {
  request: "required",
  frame: "always there",
  answer: undefined,
};

/** A table of an object's members, those of its objects below them: `data.city.name`. Empty for an object without any. */
export function memberTable(schema: JsonSchema, side: Side, definitions: Definitions = {}): string {
  const rows = [...members(schema, definitions, "")];
  if (rows.length === 0) return "";
  const presence = PRESENCE[side];
  const isDescribed = rows.some(({ meaning }) => meaning !== "");
  const columns = (member: string, type: string, present: string, meaning: string) => [
    member,
    type,
    ...(presence === undefined ? [] : [present]),
    ...(isDescribed ? [meaning] : []),
  ];
  return table(
    columns("member", "type", presence ?? "", "meaning"),
    rows.map(({ path, type, isRequired, meaning }) => columns(code(path), type, isRequired ? "yes" : "", meaning)),
  );
}

interface Member {
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly meaning: string;
}

function* members(reference: JsonSchema, definitions: Definitions, prefix: string): Generator<Member> {
  const schema = resolve(reference, definitions);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner = resolve(property, definitions);
    const path = `${prefix}${name}`;
    const preset = inner.default === undefined ? "" : `Default ${code(JSON.stringify(inner.default))}.`;
    const meaning = [inner.description ?? "", preset].filter((text) => text !== "").join(" ");
    yield { path, type: typeOf(inner, definitions), isRequired: schema.required?.includes(name) ?? false, meaning };
    yield* members(inner, definitions, `${path}.`);
    if (inner.items !== undefined) yield* members(inner.items, definitions, `${path}[].`);
  }
}
