import { join } from "node:path";
import { UsageError } from "./options.ts";
import { atExit, CACHE, type Finished, inheritedEnvironment, ROOT, runChild } from "./workspace.ts";

const GIT_MS = 60_000;
const INSTALL_MS = 600_000;

/**
 * Checks a commit of this repository out beside it and installs its packages there; answers the folder, which goes away with
 * this process.
 * @throws UsageError where there is no such commit; Error where it cannot be checked out or installed
 */
export async function checkOut(commit: string, progress: (line: string) => void): Promise<string> {
  const found = await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{commit}`);
  if (found.exitCode !== 0) throw new UsageError(`--against: there is no commit ${commit}`);
  const hash = found.stdout.trim();
  const folder = join(CACHE, `against-${process.pid}`);
  progress(`checking out ${hash.slice(0, 7)} and installing its packages`);
  const added = await git("worktree", "add", "--detach", "--force", folder, hash);
  if (added.exitCode !== 0) throw new Error(`git worktree add: ${lastLine(added)}`);
  atExit(() => void Bun.spawnSync(["git", "-C", ROOT, "worktree", "remove", "--force", folder]));
  const installed = await runChild(["node", "scripts/install.mjs"], INSTALL_MS, {
    cwd: folder,
    env: inheritedEnvironment(),
  });
  if (installed.exitCode !== 0) throw new Error(`the packages of ${hash.slice(0, 7)}: ${lastLine(installed)}`);
  return folder;
}

function git(...words: string[]): Promise<Finished> {
  return runChild(["git", "-C", ROOT, ...words], GIT_MS);
}

function lastLine({ stderr }: Finished): string {
  return stderr.trim().split("\n").at(-1) ?? "";
}
