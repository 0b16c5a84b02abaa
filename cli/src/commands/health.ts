import { loadClientConfig } from "@qy-lty/server/config/load.ts";
import type { Command } from "commander";
import { Failure } from "../exit.ts";
import { type OutputOptions, show } from "../output.ts";
import { addCommand } from "../program.ts";

/** Shorter than what asks: a container's health check gives up after 30 s, unless told otherwise. */
const TIMEOUT_MS = 5_000;

/** `lty health`: for images that hold nothing else to ask with. */
export function healthCommand(program: Command): void {
  addCommand(
    program,
    "health",
    "Ask the server of LTY_URL whether it is ready; exit 1 when it is not",
    "LTY_URL=http://127.0.0.1:8000 lty health",
  ).action(async (options: OutputOptions) => {
    const { origin } = new URL(loadClientConfig().url);
    const status = await ask(`${origin}/readyz`);
    if (status !== 200)
      throw new Failure(`${origin} ${status === null ? "does not answer" : `is not ready (${status})`}`);
    show(options, { url: origin, ready: true }, () => `${origin} is ready.`);
  });
}

async function ask(url: string): Promise<number | null> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" })).status;
  } catch {
    return null;
  }
}
