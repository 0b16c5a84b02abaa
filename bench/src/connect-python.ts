/**
 * How long from `connect()` to the first pong in Python: our client beside the bare `websockets` client, both to our gateway,
 * in one process and in turn.
 *
 *     npm run bench:connect-python [-- --rounds N] [-- --against-itself] [-- --save NAME]
 */
import { join } from "node:path";
import { type ConnectOptions, type Rounds, runConnect } from "./connect-report.ts";
import { ROOT, runChild } from "./workspace.ts";

const START_MS = 60_000;
const ROUND_MS = 1_000;

/** Measures so many rounds. The environment of clients/python/requirements-dev.txt has to be there. */
export async function pythonRounds({ rounds, againstItself }: ConnectOptions): Promise<Rounds> {
  const python = join(ROOT, ".cache/python-client/bin/python");
  const command = [python, "clients/python/bench/connect.py", String(rounds)];
  if (againstItself) command.push("--against-itself");
  const { exitCode, stdout, stderr } = await runChild(command, START_MS + rounds * ROUND_MS, { cwd: ROOT });
  if (exitCode !== 0) throw new Error(`connect.py exited with ${exitCode}:\n${stderr}`);
  const { ours, bare } = JSON.parse(stdout) as { readonly ours: number[]; readonly bare: number[] };
  return { ours, websockets: bare };
}

if (import.meta.main) await runConnect("From connect() to the first pong, in Python", pythonRounds);
