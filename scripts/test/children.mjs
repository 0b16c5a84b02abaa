/** Child processes that never outlive their welcome: each leads a process group, which is ended as a whole. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

const GRACE_MS = 2_000;
const live = new Set();
let ending = false;

/**
 * Runs a command to its end, or to the end of its time.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, limitMs: number }} options
 * @returns {Promise<{ status: number, timedOut: boolean, output: string }>} `output` is stdout and stderr as they came;
 * status is 127 for a command that could not be started, and 128 + n for one that signal n ended, as in a shell
 */
export function run(command, args, { cwd, env = process.env, limitMs }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    live.add(child);
    const chunks = [];
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      end(child);
    }, limitMs);
    const finish = (status) => {
      if (!live.delete(child)) return;
      clearTimeout(limit);
      // What the child left running in its group goes with it.
      signal(child, "SIGKILL");
      // Nobody goes on from here to start the next one.
      if (!ending) resolve({ status, timedOut, output: Buffer.concat(chunks).toString() });
    };
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      finish(127);
    });
    child.on("exit", (code, by) => {
      const status = code ?? 128 + constants.signals[by];
      // Its pipes may be held open by a grandchild: they get as long to close as anything else that was asked to end.
      const late = setTimeout(() => finish(status), GRACE_MS);
      child.on("close", () => {
        clearTimeout(late);
        finish(status);
      });
    });
  });
}

/** Ends every child that still runs, for good: what waits for one waits for ever. Resolves once they are gone. */
export async function endAll() {
  ending = true;
  const gone = [...live].map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of live) end(child);
  await Promise.all(gone);
}

function end(child) {
  signal(child, "SIGTERM");
  const last = setTimeout(() => signal(child, "SIGKILL"), GRACE_MS);
  child.once("exit", () => clearTimeout(last));
}

function signal(child, name) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group is gone already.
  }
}
