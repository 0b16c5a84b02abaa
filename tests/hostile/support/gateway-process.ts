import { join } from "node:path";
import { cleanEnvironment } from "../../e2e/support/command.ts";
import { Queue, within } from "../../e2e/support/wait.ts";
import type { Census, Holder, Measure, Question, Said } from "./gateway-child.ts";

/** How long the child may take to start, or to answer while it has much to do, milliseconds. */
const PATIENCE_MS = 30_000;

/** A gateway in a child process, and its answers to what no gateway tells. */
export class GatewayProcess implements AsyncDisposable {
  url = "";
  /** Users, each with a device. */
  holders: readonly Holder[] = [];
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #said = new Queue<Said>();
  readonly #killer = () => this.#child.kill("SIGKILL");

  private constructor(settings: Readonly<Record<string, string>>, holders: number) {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "gateway-child.ts"), String(holders)], {
      env: cleanEnvironment(settings),
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (said: Said) => this.#said.push(said),
    });
    process.once("exit", this.#killer);
    void this.#child.exited.then((code) => this.#said.end(new Error(`the gateway exited with ${code}`)));
  }

  /** Starts one with so many users. */
  static async start(settings: Readonly<Record<string, string>>, holders: number): Promise<GatewayProcess> {
    const started = new GatewayProcess(settings, holders);
    const ready = await started.#hear("ready");
    started.url = ready.url;
    started.holders = ready.holders;
    return started;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Collects garbage, then tells of memory; the stall is the longest since this was asked before. */
  async measure(): Promise<Measure> {
    return (await this.#ask("measure")).measure;
  }

  /** What is left of sessions and of what belongs to them. */
  async census(): Promise<Census> {
    return (await this.#ask("census")).census;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await within(this.#child.exited, "the end of the gateway").catch(() => this.#child.kill("SIGKILL"));
    process.off("exit", this.#killer);
  }

  #ask<Ask extends Question["ask"]>(ask: Ask): Promise<Extract<Said, { said: Ask }>> {
    this.#child.send({ ask } satisfies Question);
    return this.#hear(ask);
  }

  async #hear<Kind extends Said["said"]>(kind: Kind): Promise<Extract<Said, { said: Kind }>> {
    const said = await this.#said.take(`the gateway's ${kind}`, PATIENCE_MS);
    if (said.said !== kind) throw new Error(`expected ${kind}, heard ${said.said}`);
    return said as Extract<Said, { said: Kind }>;
  }
}
