import { copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Credentials, seedDatabase } from "./seed.ts";
import { CACHE, inheritedEnvironment, ROOT, runChild } from "./workspace.ts";

/** Every server that can take part. `ours` is measured, `base` is another checkout of it, the others are its peers. */
export const SERVER_NAMES = ["ours", "bare", "base", "echo", "socketio", "redis"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** What the load generator must know to speak with a server. */
export interface Dialect {
  /** Path and query of the WebSocket; `{token}` stands for the connection's token. */
  readonly path: string;
  /** Frames the server sends before a connection counts as ready. */
  readonly greetings: number;
  /** A frame the client sends first. */
  readonly onOpen?: string;
  /** Frames the client answers by itself, `IN=OUT`. */
  readonly autoReply?: string;
  /** The ping frame, and what its answer contains. */
  readonly ping: string;
  readonly pong: string;
}

/** How to start one server. */
export interface Launch<Name extends string = ServerName> {
  readonly name: Name;
  readonly dialect: Dialect;
  readonly command: readonly string[];
  /** Path that answers 2xx once the server is ready; a server without one is ready when it prints its URL. */
  readonly readyPath?: string;
  /** Gives a fresh process its settings and files in `folder`. */
  prepare(folder: string): Record<string, string>;
}

const PING = '{"type":"ping","message":{}}';
const OURS: Dialect = { path: "/ws/device/?token={token}", greetings: 1, ping: PING, pong: '"pong"' };
export const DIALECTS: Readonly<Record<ServerName, Dialect>> = {
  ours: OURS,
  base: OURS,
  bare: OURS,
  redis: OURS,
  echo: { path: "/", greetings: 0, ping: PING, pong: '"ping"' },
  socketio: {
    path: "/socket.io/?EIO=4&transport=websocket",
    greetings: 3,
    onOpen: '40{"token":"{token}"}',
    autoReply: "2=3",
    ping: '42["ping",{"message":{}}]',
    pong: '42["pong"',
  },
};

/** Readies every server of a run: migrates and seeds a template database, compiles the Node.js peer. */
export async function prepareServers(
  names: readonly ServerName[],
  options: { credentials: Credentials; folder: string; base: string | undefined; calibrate: boolean },
): Promise<Launch[]> {
  const launches: Launch[] = [];
  for (const name of names) {
    if (name === "ours" || name === "base") {
      if (name === "ours" && options.calibrate) launches.push({ ...peer("bare", options.credentials), name });
      else if (name === "ours") launches.push(await gateway(name, join(ROOT, "node_modules/.bin/lty"), options));
      else if (options.base !== undefined) launches.push(await gateway(name, ltyOf(options.base), options));
    } else if (name === "socketio") {
      const command = await compileForNode(join(import.meta.dir, "peers/socketio.ts"));
      if (command !== undefined) launches.push({ ...peer(name, options.credentials), command });
    } else if (name === "redis") {
      if (Bun.which("redis-server") !== null) launches.push(peer(name, options.credentials));
    } else launches.push(peer(name, options.credentials));
  }
  return launches;
}

async function gateway(
  name: "ours" | "base",
  lty: string,
  { credentials, folder }: { credentials: Credentials; folder: string },
): Promise<Launch> {
  const template = join(folder, `${name}.db`);
  const migrated = await runChild([lty, "migrate"], 30_000, { cwd: folder, env: settings(`sqlite:${template}`) });
  if (migrated.exitCode !== 0) throw new Error(`lty migrate (${name}): ${lastLine(migrated.stderr)}`);
  try {
    seedDatabase(template, credentials);
  } catch (error) {
    throw new Error(`the database of ${name} could not be filled: ${(error as Error).message}`);
  }
  return {
    name,
    dialect: OURS,
    command: [lty, "serve"],
    readyPath: "/readyz",
    prepare(home) {
      const database = join(home, "bench.db");
      copyFileSync(template, database);
      return settings(`sqlite:${database}`);
    },
  };
}

/** The command line of another checkout. Its packages must be its own, or it would run this checkout's server. */
function ltyOf(base: string): string {
  const lty = join(base, "node_modules/.bin/lty");
  const server = join(base, "node_modules/@qy-lty/server");
  if (!existsSync(lty) || !existsSync(server) || !realpathSync(server).startsWith(realpathSync(base))) {
    throw new Error(`--base: ${base} has no packages of its own; run npm ci there`);
  }
  return lty;
}

/** The gateway's environment in every scenario: rate limits off, as they are for every peer. */
export function settings(databaseUrl: string): Record<string, string> {
  return {
    ...inheritedEnvironment(),
    LTY_PORT: "0",
    LTY_DATABASE_URL: databaseUrl,
    LTY_RATE_LIMIT_MESSAGES: "0",
    LTY_LOG_LEVEL: "warn",
  };
}

function peer(name: "bare" | "echo" | "socketio" | "redis", credentials: Credentials): Launch {
  return {
    name,
    dialect: DIALECTS[name],
    command: [process.execPath, join(import.meta.dir, `peers/${name}.ts`)],
    prepare: () => ({ ...inheritedEnvironment(), NODE_ENV: "production", BENCH_TOKENS: credentials.file }),
  };
}

/** Strips the types of a peer that runs on Node.js, which cannot do so itself in every version that we support. */
export async function compileForNode(source: string): Promise<string[] | undefined> {
  const node = Bun.which("node");
  if (node === null) return undefined;
  const script = new Bun.Transpiler({ loader: "ts", target: "node" }).transformSync(await Bun.file(source).text());
  const compiled = join(CACHE, "bench-socketio.mjs");
  mkdirSync(dirname(compiled), { recursive: true });
  writeFileSync(compiled, script);
  return [node, compiled];
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
