import { readlinkSync } from "node:fs";
import { runChild, startChild } from "../../../bench/src/workspace.ts";

const STEP_MS = 10_000;
const OWN = "/proc/self/ns/net";

/** A link that is cut: frames vanish without a word, or the first end's interface goes down and says so. */
export type Cut = "silent" | "down";

/** A network namespace, which goes away with this process. */
export class Namespace {
  private constructor(readonly pid: number) {}

  static async make(): Promise<Namespace> {
    const { pid } = startChild(["unshare", "-n", "setpriv", "--pdeathsig=KILL", "--", "sleep", "infinity"]);
    while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync(OWN)) await Bun.sleep(1);
    const made = new Namespace(pid);
    await ip(made, "link", "set", "lo", "up");
    return made;
  }

  /** Put before a command that is to run in it. */
  get prefix(): readonly string[] {
    return ["nsenter", "-t", String(this.pid), "-n", "--"];
  }
}

/** A cable between two namespaces, over a bridge in this process's own; `null` is that one. */
export class Link {
  static #links = 0;
  /** Where the first end is reached from the second, and the other way round. */
  readonly hosts: readonly [string, string];

  private constructor(
    readonly name: string,
    private readonly number: number,
    private readonly first: Namespace | null,
  ) {
    this.hosts = [`10.77.${number}.1`, `10.77.${number}.2`];
  }

  /** @throws Error where this process has no network namespace of its own */
  static async lay(name: string, first: Namespace | null, second: Namespace | null): Promise<Link> {
    const number = ++Link.#links;
    const link = new Link(name, number, first);
    await ip(null, "link", "add", link.#bridge, "type", "bridge", "forward_delay", "0");
    for (const [side, where] of [first, second].entries()) {
      const [port, end] = [`p${number}s${side}`, `e${number}s${side}`];
      await ip(null, "link", "add", port, "type", "veth", "peer", "name", end);
      await ip(null, "link", "set", port, "master", link.#bridge, "up");
      if (where !== null) await ip(null, "link", "set", end, "netns", String(where.pid));
      await ip(where, "addr", "add", `${link.hosts[side]}/24`, "dev", end);
      await ip(where, "link", "set", end, "up");
    }
    await link.mend("silent");
    return link;
  }

  async cut(how: Cut): Promise<void> {
    await this.#set(how, "down");
  }

  async mend(how: Cut): Promise<void> {
    await this.#set(how, "up");
  }

  get #bridge(): string {
    return `bridge${this.number}`;
  }

  async #set(how: Cut, state: "up" | "down"): Promise<void> {
    if (how === "silent") await ip(null, "link", "set", this.#bridge, state);
    else await ip(this.first, "link", "set", `e${this.number}s0`, state);
  }
}

/** Whether a process here may have network namespaces of its own, and run services in them as others than root. */
export async function canPartition(): Promise<boolean> {
  const tools = ["unshare", "nsenter", "ip", "setpriv"];
  if (process.getuid?.() !== 0 || tools.some((tool) => Bun.which(tool) === null)) return false;
  const probe = ["unshare", "-n", "ip", "link", "add", "probe", "type", "bridge", "forward_delay", "0"];
  return (await runChild(probe, STEP_MS)).exitCode === 0;
}

/** Runs `ip` in a namespace; `null` is this process's own. @throws Error when it fails */
export async function ip(where: Namespace | null, ...words: string[]): Promise<void> {
  const { exitCode, stderr } = await runChild([...(where?.prefix ?? []), "ip", ...words], STEP_MS);
  if (exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
}
