import { createServer } from "node:net";
import type { Config } from "@qy-lty/server/config/config.ts";
import type { Logger } from "@qy-lty/server/observe/log.ts";
import type { Clock } from "@qy-lty/server/platform/clock.ts";
import { isPostgres, openStore } from "@qy-lty/server/store/open.ts";
import type { Subprocess } from "bun";
import { Failure, UsageError } from "../../exit.ts";
import { type OutputOptions, show } from "../../output.ts";
import { welcome, welcomeData } from "./banner.ts";
import { prepareDemo } from "./demo.ts";
import { explainListenError } from "./listen-error.ts";
import { stopRequest } from "./stop-request.ts";

/** A worker that ended by itself is started again after so long, milliseconds. */
const RESTART_MS = 1_000;
/** A worker drains by itself; one that does not is ended, milliseconds. */
const STOP_MS = 15_000;

export interface WorkersOptions extends OutputOptions {
  readonly count: number;
  readonly demo: boolean;
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Serves by several processes on one port until it is asked to stop; the kernel deals connections out to them.
 * @throws UsageError without PostgreSQL and Redis, between which nothing would hold the workers together
 */
export async function serveByWorkers(options: WorkersOptions): Promise<void> {
  const { count, demo, config, log, clock } = options;
  if (!isPostgres(config.databaseUrl) || config.redisUrl === undefined) {
    throw new UsageError(
      "--workers: more than one worker needs PostgreSQL (LTY_DATABASE_URL) and Redis (LTY_REDIS_URL) between them",
    );
  }
  const stop = stopRequest({ process, clock, log });
  const port = await claimPort(config);
  // Before the workers, so that they find the schema and the demo's accounts.
  const store = await openStore(config.databaseUrl, clock);
  const prepared = await (demo ? prepareDemo(store) : Promise.resolve(undefined)).finally(() => store.close());
  const workers = Array.from({ length: count }, (_, index) => new Worker(index + 1, config.host, port, log, clock));
  try {
    await Promise.all(workers.map((worker) => worker.start()));
    const host = config.host.includes(":") ? `[${config.host}]` : config.host;
    const url = `http://${host}:${port}`;
    show(options, { ...welcomeData(url, prepared), workers: count }, () => welcome(url, prepared));
    const { crashed } = await stop;
    if (crashed) throw new Failure("stopped by an unexpected error; the log tells more");
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** A port that nobody else has: workers share it with whoever asks, also with a program that they do not know of. */
async function claimPort({ host, port }: Config): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  } catch (error) {
    throw await explainListenError(error, { host, port });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** One process of several. It ends with this one, whose end it notices by its closed stdin. */
class Worker {
  #child: Subprocess<"pipe", "pipe", "inherit"> | undefined;
  #isStopped = false;

  constructor(
    private readonly number: number,
    private readonly host: string,
    private readonly port: number,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** Resolves when it serves. @throws Failure when it ends instead; why, it has said */
  async start(): Promise<void> {
    const flags = ["serve", "--worker", "--json", "--host", this.host, "--port", String(this.port)];
    const child = Bun.spawn([...self(), ...flags], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#child = child;
    const { value } = await child.stdout.getReader().read();
    if (value === undefined) throw new Failure(`worker ${this.number} did not start`);
    void child.exited.then((code) => this.#ended(code));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await child.exited;
    clearTimeout(timer);
  }

  #ended(code: number): void {
    if (this.#isStopped) return;
    this.log.error({ worker: this.number, code }, "a worker ended, and is started again");
    this.clock.after(RESTART_MS, () => {
      if (this.#isStopped) return;
      this.start().catch(() => this.#ended(1));
    });
  }
}

/** This very program. */
function self(): string[] {
  const isOneFile = Bun.main.startsWith("/$bunfs/");
  return isOneFile ? [process.execPath] : [process.execPath, "--no-env-file", Bun.main];
}
