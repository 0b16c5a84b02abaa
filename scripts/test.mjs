/**
 * Runs every test of every package, and closes on `N passed, N failed, N skipped`.
 *
 *     npm test [-- [--root DIR] [--jobs N] [--limit SECONDS] [part of a path …]]
 *
 * Brings up what the tests need, checks format, lint and types, then gives each test file a process of its own. A file has to
 * leave a result: one that ends its process early or cannot be loaded is a failure, whatever the exit code says.
 * `--root` runs the test files below another folder, and nothing else.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { endAll, run } from "./test/children.mjs";
import { readJunit } from "./test/junit.mjs";
import { bringUp } from "./test/services.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const bun = join(project, "node_modules", ".bin", "bun");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    root: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    limit: { type: "string", default: "600" },
  },
});
const root = resolve(values.root ?? project);
const limitMs = Number(values.limit) * 1000;

/** Files of one group run beside each other, groups one after another. Those of `tests/` start processes of their own. */
const GROUPS = [
  { has: (path) => !path.startsWith(`tests${sep}`), jobs: Number(values.jobs) },
  { has: (path) => path.startsWith(`tests${sep}`), jobs: Math.min(2, Number(values.jobs)) },
];
const SKIPPED_FOLDERS = new Set(["node_modules", "data", "dist"]);
const SHOWN_SLOWEST = 5;
const SLOW_S = 1;

// Everything under test is on this machine: a proxy of the environment must not get in between.
process.env.NO_PROXY = process.env.no_proxy = "127.0.0.1,localhost,::1";

const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
const failures = [];
const durations = [];
const results = mkdtempSync(join(tmpdir(), "qy-lty-test-"));
process.on("exit", () => rmSync(results, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, async () => {
    console.log(`\nStopped by ${signal}`);
    await endAll();
    process.exit(130);
  });
}

if (values.root === undefined && positionals.length === 0) {
  await bringUpServices();
  await checkCode();
}
const files = findTests(root).filter(
  (path) => positionals.length === 0 || positionals.some((part) => path.includes(part)),
);
if (files.length === 0) fail("no test file was found", 1);
for (const { has, jobs } of GROUPS) await inParallel(files.filter(has), jobs, testFile);
summarise();

async function bringUpServices() {
  for (const problem of await bringUp(root)) fail(problem, 1);
}

async function checkCode() {
  const started = performance.now();
  const { status, output } = await run("npm", ["run", "--silent", "check"], { cwd: root, limitMs });
  if (status === 0) total.passed += 1;
  else fail("npm run check", 1, output);
  if (status === 0) console.log(`✓ npm run check (${seconds(started)} s)`);
}

/** @param {string} path */
async function testFile(path) {
  const started = performance.now();
  const outfile = join(results, `${files.indexOf(path)}.xml`);
  const args = ["--no-env-file", "test", "--no-orphans", "--only-failures", "--timeout=60000"];
  const report = ["--reporter=junit", `--reporter-outfile=${outfile}`, `.${sep}${path}`];
  const { status, timedOut, output } = await run(bun, [...args, ...report], { cwd: root, env: environment(), limitMs });
  durations.push({ path, took: Number(seconds(started)) });

  const result = readResult(outfile);
  const problems = result.unexplained.map((name) => `skipped without a reason: ${name}`);
  if (timedOut) problems.push(`still running after ${values.limit} s`);
  else if (result.passed + result.failed + result.skipped.length === 0) {
    problems.push(`left no result (exit code ${status})`);
  } else if (status !== 0 && result.failed === 0) problems.push(`exit code ${status}, though no test failed`);

  total.passed += result.passed;
  total.skipped += result.skipped.length;
  skipped.push(...result.skipped.map((name) => `${path}: ${name}`));
  if (problems.length + result.failed === 0) {
    console.log(`✓ ${path} (${result.passed} passed, ${seconds(started)} s)`);
    return;
  }
  const tests = result.failed === 0 ? [] : [`${result.failed} of its tests failed`];
  fail(`${path}: ${[...tests, ...problems].join("; ")}`, result.failed + problems.length, output);
}

/** @param {string} outfile */
function readResult(outfile) {
  try {
    return readJunit(readFileSync(outfile, "utf8"));
  } catch {
    return readJunit("");
  }
}

/** Settings of whoever runs the tests are none of the tests'. */
function environment() {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LTY_"));
  return { ...Object.fromEntries(inherited), ...(process.stdout.isTTY && { FORCE_COLOR: "1" }) };
}

/**
 * @param {string} what
 * @param {number} count
 */
function fail(what, count, output = "") {
  total.failed += count;
  failures.push(what);
  console.log(`✗ ${what}\n${output.trim().replace(/^/gm, "    ")}`.trimEnd());
}

/** Every test file below `folder`, relative to the root. */
function findTests(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".") && !SKIPPED_FOLDERS.has(entry.name))
        found.push(...findTests(join(folder, entry.name)));
    } else if (/\.test\.[cm]?[jt]sx?$/.test(entry.name)) found.push(relative(root, join(folder, entry.name)));
  }
  return found.sort();
}

/** Runs `work` on every item, `width` at a time. */
async function inParallel(items, width, work) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, worker));
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function summarise() {
  const slowest = durations.filter(({ took }) => took >= SLOW_S).sort((a, b) => b.took - a.took);
  if (slowest.length > 0) console.log("\nSlowest files:");
  for (const { path, took } of slowest.slice(0, SHOWN_SLOWEST)) console.log(`  ${took.toFixed(1)} s  ${path}`);
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((name) => `  ${name}`).join("\n")}`);
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((what) => `  ${what}`).join("\n")}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}
