/**
 * Plants bugs in copies of the code, one at a time, and shows that the tests of the message log find each of them. Fails when
 * one is not found. The bugs stand in `tests/model/mutants.json`: a file, a text that it holds once, and what takes its place.
 *
 * @example npm run test:mutants -- [--plan FILE] [--jobs N] [part of a name …]
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly replace: string;
  readonly with: string;
}

interface Plan {
  /** Paths of tests. */
  readonly suites: Readonly<Record<string, readonly string[]>>;
  readonly mutants: readonly Mutant[];
}

/** How one suite took a mutant. */
interface Verdict {
  readonly suite: string;
  /** Null: nothing failed. */
  readonly caughtBy: string | null;
}

/** What a copy holds. */
const FOLDERS = ["protocol", "server", "testkit", "tests/model"];
const FILES = ["package.json", "tsconfig.json"];
/** A suite that takes longer has found a bug that hangs. */
const LIMIT_MS = 180_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plan: { type: "string", default: "tests/model/mutants.json" },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const plan = JSON.parse(readFileSync(resolve(root, values.plan), "utf8")) as Plan;
const folders: string[] = [];
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const mutants: readonly Mutant[] = plan.mutants.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
const first = makeCopy();
const [broken] = (await runSuites(first)).filter(({ caughtBy }) => caughtBy !== null);
if (broken !== undefined) {
  console.error(`Without any mutant the ${broken.suite} fail: ${broken.caughtBy}`);
  process.exit(2);
}

const queue = mutants.values();
const survivors: string[] = [];
const copies = [first, ...Array.from({ length: Math.min(mutants.length, Number(values.jobs)) - 1 }, makeCopy)];
await Promise.all(copies.map(work));
console.log(`\n${mutants.length} mutants, ${mutants.length - survivors.length} found`);
if (survivors.length > 0) console.log(`Not found: ${survivors.join(", ")}`);
process.exitCode = survivors.length === 0 && mutants.length > 0 ? 0 : 1;

async function work(copy: string): Promise<void> {
  for (const mutant of queue) {
    const path = join(copy, mutant.file);
    const original = readFileSync(path, "utf8");
    const places = original.split(mutant.replace).length - 1;
    if (places !== 1) throw new Error(`${mutant.name}: ${mutant.file} holds the text ${places} times`);
    writeFileSync(
      path,
      original.replace(mutant.replace, () => mutant.with),
    );
    const verdicts = await runSuites(copy);
    writeFileSync(path, original);
    report(mutant, verdicts);
  }
}

function report({ name }: Mutant, verdicts: readonly Verdict[]): void {
  const isFound = verdicts.some(({ caughtBy }) => caughtBy !== null);
  if (!isFound) survivors.push(name);
  console.log(`${isFound ? "✓" : "✗"} ${name}`);
  for (const { suite, caughtBy } of verdicts) console.log(`    ${suite.padEnd(10)}${caughtBy ?? "—"}`);
}

async function runSuites(copy: string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [suite, paths] of Object.entries(plan.suites)) {
    verdicts.push({ suite, caughtBy: await firstFailure(copy, paths) });
  }
  return verdicts;
}

/** The name of the first test that fails, or what else went wrong; null when nothing did. */
async function firstFailure(copy: string, paths: readonly string[]): Promise<string | null> {
  const command = [process.execPath, "--no-env-file", "test", "--timeout=20000", ...paths.map((path) => `./${path}`)];
  const child = Bun.spawn(command, {
    cwd: copy,
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return null;
  if (child.signalCode !== null) return `nothing more came within ${LIMIT_MS / 1000} s`;
  const [, failed] = /^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/m.exec(stdout + stderr) ?? [];
  return failed ?? `exit code ${code}`;
}

/** A copy of the code in a folder of its own, on the packages that are installed here. */
function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "qy-lty-mutants-"));
  folders.push(copy);
  for (const path of [...FOLDERS, ...FILES]) cpSync(join(root, path), join(copy, path), { recursive: true });
  const modules = join(copy, "node_modules");
  mkdirSync(join(modules, "@qy-lty"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@qy-lty") symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  // Ours are those of the copy.
  for (const name of ["protocol", "server", "testkit"]) symlinkSync(join(copy, name), join(modules, "@qy-lty", name));
  return copy;
}
