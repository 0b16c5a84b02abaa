import { join } from "node:path";
import { freePort, type PostgresServer, type RedisServer } from "@qy-lty/testkit";
import { startServer } from "../running-server.ts";
import type { Credentials } from "../seed.ts";
import { compileForNode, DIALECTS, type Dialect, settings } from "../servers.ts";
import { CACHE, inheritedEnvironment, ROOT } from "../workspace.ts";

const LTY = join(ROOT, "node_modules/.bin/lty");
const PEERS = join(import.meta.dir, "../peers");
/** Where the Python packages of the original's stack are. */
export const CHANNELS_ENVIRONMENT = "channels";

export const KINDS = ["ours", "workers", "channels", "socketio"] as const;
export type Kind = (typeof KINDS)[number];

/** What the systems of one run share. */
export interface Ground {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  /** A migrated and filled database of ours. */
  readonly databaseUrl: string;
  readonly credentials: Credentials;
  readonly folder: string;
}

/** A system that serves, of so many processes. */
export interface System extends AsyncDisposable {
  readonly kind: Kind;
  readonly processes: number;
  readonly dialect: Dialect;
  /** Where each of its processes listens, without a slash at the end; one where they share a port. */
  readonly origins: readonly string[];
}

/** Starts a system. Each process is a node of its own but those of `workers`, which share one port. */
export async function startSystem(kind: Kind, processes: number, ground: Ground): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const origins: string[] = [];
  for (let node = 0; node < (kind === "workers" ? 1 : processes); node++) {
    const { command, environment } = await launch(kind, processes, ground);
    const started = await startServer(
      {
        ...{ name: kind, dialect: dialectOf(kind), command, prepare: () => environment },
        ...(kind === "ours" || kind === "workers" ? { readyPath: "/readyz" } : {}),
      },
      ground.folder,
      { prefix: [] },
    );
    // Workers end with the one that started them, if that is asked to.
    stack.defer(async () => {
      await started.drain();
      await started.stop();
    });
    origins.push(started.origin);
  }
  const owned = stack.move();
  return {
    ...{ kind, processes, dialect: dialectOf(kind), origins },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Launched {
  readonly command: readonly string[];
  readonly environment: Record<string, string>;
}

async function launch(kind: Kind, processes: number, ground: Ground): Promise<Launched> {
  const { credentials, redis, databaseUrl } = ground;
  const peer = { ...inheritedEnvironment(), BENCH_TOKENS: credentials.file, BENCH_REDIS: redis.url };
  switch (kind) {
    case "ours":
      return {
        command: [LTY, "serve"],
        environment: { ...settings(databaseUrl), LTY_REDIS_URL: redis.url },
      };
    case "workers":
      return {
        command: [LTY, "serve", "--workers", String(processes)],
        environment: { ...settings(databaseUrl), LTY_REDIS_URL: redis.url, LTY_PORT: String(await freePort()) },
      };
    case "channels": {
      const python = join(CACHE, CHANNELS_ENVIRONMENT, "bin/python");
      const port = String(await freePort());
      // It says nothing of its port at this level: the shell does, once it answers.
      const serve = `"$0" -m uvicorn channels_app:application --port ${port} --log-level error --no-access-log & server=$!
        trap 'kill $server; wait $server' TERM
        until "$0" -c 'import socket; socket.create_connection(("127.0.0.1", ${port}))' 2>/dev/null; do sleep 0.1; done
        echo http://127.0.0.1:${port}; wait $server`;
      return {
        command: ["sh", "-c", serve, python],
        environment: { ...peer, PYTHONPATH: PEERS, PYTHONDONTWRITEBYTECODE: "1" },
      };
    }
    case "socketio": {
      const command = await compileForNode(join(PEERS, "socketio.ts"));
      if (command === undefined) throw new Error("Socket.IO needs Node.js");
      return { command, environment: { ...peer, NODE_ENV: "production" } };
    }
  }
}

function dialectOf(kind: Kind): Dialect {
  return kind === "socketio" ? DIALECTS.socketio : kind === "channels" ? CHANNELS : DIALECTS.ours;
}

const CHANNELS: Dialect = { ...DIALECTS.ours, path: "/ws/device/?token={token}" };
