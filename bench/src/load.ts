import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Scale } from "./scenarios/scenario.ts";
import type { Credentials } from "./seed.ts";
import { faultOf, runGenerator } from "./wsload.ts";

/** Connecting, draining and closing may take this long beside warm-up and window, milliseconds. */
const SLACK_MS = 90_000;

/** Binds the load generator to a run: its processor, its credentials and its durations. */
export function createBench(options: {
  readonly generator: string;
  readonly prefix: readonly string[];
  readonly folder: string;
  readonly credentials: Credentials;
  readonly scale: Scale;
}): Bench {
  const { credentials, scale, folder } = options;
  return {
    scale,
    credentials,
    async load({ origin, dialect, pid }, load) {
      const warmupS = load.warmupS ?? scale.warmupS;
      const windowS = load.windowS ?? scale.windowS;
      const result = await runGenerator(
        [
          ...[...options.prefix, options.generator],
          ...["--url", `${origin.replace("http", "ws")}${dialect.path}`],
          ...["--tokens-file", tokensFrom(credentials, load.firstToken ?? 0, folder)],
          ...["--mode", load.mode, "--conns", String(load.connections), "--ignore-first", String(dialect.greetings)],
          ...(dialect.onOpen === undefined ? [] : ["--on-open", dialect.onOpen]),
          ...(dialect.autoReply === undefined ? [] : ["--auto-reply", dialect.autoReply]),
          ...(load.mode === "echo" || load.mode === "rate" ? ["--payload", dialect.ping, "--match", dialect.pong] : []),
          ...["--warmup", String(warmupS), "--duration", String(windowS), "--server-pid", String(pid)],
          ...(load.extra ?? []),
        ],
        (warmupS + windowS) * 1000 + SLACK_MS,
      );
      const fault = faultOf(result.report);
      if (fault !== undefined) throw new Error(fault);
      return result;
    },
  };
}

/** A file of the credentials from the `first` on. */
function tokensFrom({ users, file }: Credentials, first: number, folder: string): string {
  if (first === 0) return file;
  const rest = join(folder, `tokens-from-${first}.txt`);
  writeFileSync(rest, users.slice(first).join("\n"));
  return rest;
}
