import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";

const START_MS = 60_000;
const POLL_MS = 20;

/** A user whom services run as where the tests run as root: PostgreSQL refuses to. */
const SERVICE_USER = "postgres";

/** Where a service runs that is not simply on this machine: in a network namespace. */
export interface ServicePlace {
  /** Put before its command: what enters the place. */
  readonly prefix: readonly string[];
  /** Where it is reached from here. */
  readonly host: string;
}

/** How a service is started on a port. */
export interface ServiceCommand {
  readonly place?: ServicePlace | undefined;
  readonly name: string;
  /** Runs once before the first start, in `folder`. */
  readonly prepare?: readonly string[];
  command(port: number, folder: string): readonly string[];
  /** What it says where something of a life before, which was killed, is still about: then it is started once more. */
  readonly leftover?: string;
  /** Whether it serves. */
  answers(port: number): Promise<boolean>;
}

/**
 * A service in a process of its own, on a free port, with a folder of its own; gone with whoever started it, however that
 * ends.
 */
export class ServiceProcess implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "qy-lty-service-"));
  readonly #killer = () => this.#child?.kill("SIGKILL");
  #child: Subprocess | undefined;
  #port = 0;

  private constructor(private readonly service: ServiceCommand) {
    if (isRoot()) chownSync(this.folder, ...serviceUser());
    process.on("exit", this.#killer);
  }

  static async start(service: ServiceCommand): Promise<ServiceProcess> {
    const made = new ServiceProcess(service);
    try {
      if (service.prepare !== undefined) await made.#run(service.prepare);
      made.#port = await freePort();
      await made.start();
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  /** Where it is reached. */
  get host(): string {
    return this.service.place?.host ?? "127.0.0.1";
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it again on the same port and folder; resolves when it serves. */
  async start(): Promise<void> {
    const { name, answers, command, leftover } = this.service;
    this.#child = this.#spawn(command(this.port, this.folder));
    const deadline = performance.now() + START_MS;
    while (!(await answers(this.port).catch(() => false))) {
      if (this.#child.exitCode !== null) {
        const said = await this.#said();
        if (leftover === undefined || !said.includes(leftover)) throw new Error(`${name} ended as it started: ${said}`);
        this.#child = this.#spawn(command(this.port, this.folder));
      }
      if (performance.now() > deadline) throw new Error(`${name} did not start in ${START_MS} ms`);
      await Bun.sleep(POLL_MS);
    }
  }

  /** Ends it by `signal`, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#child?.kill(signal);
    await this.#child?.exited;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#killer);
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(command: readonly string[]): Promise<void> {
    const child = this.#spawn(command);
    if ((await child.exited) !== 0) throw new Error(`${command[0]}: ${await this.#said(child)}`);
  }

  async #said(child = this.#child): Promise<string> {
    const { stderr } = child ?? {};
    return stderr instanceof ReadableStream ? (await new Response(stderr).text()).trim().slice(-2_000) : "";
  }

  #spawn(command: readonly string[]): Subprocess {
    const options = { cwd: this.folder, stdin: "ignore", stdout: "ignore", stderr: "pipe" } as const;
    return Bun.spawn([...(this.service.place?.prefix ?? []), ...bound(), ...command], options);
  }
}

/** What runs a command as the service's user, and ends it with whoever started it. */
function bound(): string[] {
  if (process.platform !== "linux") return [];
  const [uid, gid] = isRoot() ? serviceUser() : [];
  const as = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  return ["setpriv", ...as, "--pdeathsig=KILL", "--"];
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function serviceUser(): [number, number] {
  const ids = ["-u", "-g"].map((flag) => Number(Bun.spawnSync(["id", flag, SERVICE_USER]).stdout.toString()));
  const [uid = 65_534, gid = 65_534] = ids.map((id) => id || 65_534);
  return [uid, gid];
}

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** The path of a program, on the PATH or in one of `folders`. */
export function findProgram(name: string, folders: readonly string[] = []): string {
  const found = Bun.which(name) ?? folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}
