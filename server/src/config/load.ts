import { z } from "zod";
import { ClientConfig, Config } from "./config.ts";

/** A setting is unknown or has a bad value. The message is one line that names it and never shows a secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `rateLimitWindowS` → `LTY_RATE_LIMIT_WINDOW_S` */
export function environmentName(key: string): string {
  return `LTY_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

const SERVER_KEYS = Object.keys(Config.shape);
const CLIENT_KEYS = Object.keys(ClientConfig.shape);
const KNOWN_NAMES: ReadonlySet<string> = new Set([...SERVER_KEYS, ...CLIENT_KEYS].map(environmentName));

/**
 * The server's settings from the environment, `overrides` (flags) before it.
 * @throws ConfigError when a `LTY_*` name is unknown or a value is bad
 */
export function loadConfig(environment: Environment = process.env, overrides: Environment = {}): Config {
  refuseUnknownNames(environment);
  return parse(Config, SERVER_KEYS, environment, overrides);
}

/**
 * The settings of commands that speak to a server.
 * @throws ConfigError as `loadConfig`
 */
export function loadClientConfig(environment: Environment = process.env): ClientConfig {
  refuseUnknownNames(environment);
  return parse(ClientConfig, CLIENT_KEYS, environment, {});
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  keys: readonly string[],
  environment: Environment,
  overrides: Environment,
): z.output<Schema> {
  const input: Record<string, string> = {};
  for (const key of keys) {
    const value = overrides[key] ?? environment[environmentName(key)];
    if (value !== undefined) input[key] = value;
  }
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = String(issue?.path[0] ?? "");
  throw new ConfigError(describeProblem(environmentName(key), issue?.message ?? "bad value", input[key]));
}

function refuseUnknownNames(environment: Environment): void {
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("LTY_") || KNOWN_NAMES.has(name)) continue;
    if (isServiceLink(name, environment[name])) throw new ConfigError(describeServiceLink(name));
    throw new ConfigError(`${name}: unknown setting; \`lty config-doc\` lists them all`);
  }
}

function describeProblem(name: string, problem: string, value: string | undefined): string {
  if (isServiceLink(name, value)) return describeServiceLink(name);
  const shown =
    value === undefined || isSecret(name) ? "" : `, got ${JSON.stringify(maskUserinfo(value).slice(0, 100))}`;
  return `${name}: ${problem}${shown}`;
}

/**
 * Hides the user name and password of a URL: `postgres://lty:pw@db/lty` → `postgres://••••@db/lty`. Other text stays.
 * Up to the last `@`, for passwords that should have been percent-encoded and were not.
 */
export function maskUserinfo(text: string): string {
  return text.replace(/:\/\/\S*@/, "://••••@");
}

/** Kubernetes injects `<SERVICE>_PORT=tcp://…` and `<SERVICE>_SERVICE_*` for every Service of the namespace, so one named `lty` collides. */
function isServiceLink(name: string, value: string | undefined): boolean {
  return (
    /^LTY_(SERVICE_|PORT_\d+_)/.test(name) || (name === "LTY_PORT" && value !== undefined && value.startsWith("tcp://"))
  );
}

function describeServiceLink(name: string): string {
  return `${name}: injected by Kubernetes for a Service named "lty"; set \`enableServiceLinks: false\` in the pod spec`;
}

function isSecret(name: string): boolean {
  return allSettings().some((setting) => setting.name === name && setting.secret);
}

/** One setting, as the reference page and `lty config-doc` print it. */
export interface SettingDoc {
  readonly name: string;
  readonly default: string | null;
  readonly expects: string;
  readonly description: string;
  readonly secret: boolean;
}

/** Every setting with its documentation, the server's first. */
export function allSettings(): SettingDoc[] {
  return [...documentSettings(Config), ...documentSettings(ClientConfig)];
}

function documentSettings(schema: typeof Config | typeof ClientConfig): SettingDoc[] {
  const empty = schema.safeParse({});
  if (!empty.success) throw new Error("every setting has a default or is optional");
  return Object.entries(schema.shape).map(([key, setting]) => {
    const inner = innermostMeta(setting);
    return {
      name: environmentName(key),
      default: defaultText(setting),
      expects: inner.expects ?? "text",
      description: setting.description ?? "",
      secret: inner.secret ?? false,
    };
  });
}

interface SettingMeta {
  readonly expects?: string;
  readonly secret?: boolean;
}

/** `.describe()` and `.prefault()` wrap the type, and the wrapped type keeps the metadata that its builder gave. */
function innermostMeta(schema: z.core.$ZodType): SettingMeta {
  let found: SettingMeta = {};
  for (let current: z.core.$ZodType | undefined = schema; current; current = unwrap(current)) {
    found = { ...(z.globalRegistry.get(current) as SettingMeta | undefined), ...found };
  }
  return found;
}

function defaultText(schema: z.core.$ZodType): string | null {
  for (let current: z.core.$ZodType | undefined = schema; current; current = unwrap(current)) {
    if (current instanceof z.ZodPrefault) return String(current.def.defaultValue);
  }
  return null;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return schema.def.innerType;
  return undefined;
}
