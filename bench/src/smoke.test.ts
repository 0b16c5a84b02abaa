import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "./report.ts";
import { CACHE } from "./workspace.ts";

const MAIN = join(import.meta.dir, "main.ts");
const foldersOf = (pid: number) => readdirSync(CACHE).filter((name) => name.startsWith(`bench-${pid}-`));

test("a quick run measures our server beside bare and leaves nothing behind", async () => {
  const out = mkdtempSync(join(tmpdir(), "lty-bench-test-"));
  try {
    const json = join(out, "run.json");
    const args = ["--quick", "--rounds", "1", "--only", "ping,fanout,push,handshake", "--servers", "ours,bare"];
    const run = Bun.spawn([process.execPath, MAIN, ...args, "--json", json], { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ]);
    expect(stderr.split("\n").filter((line) => line.startsWith("bench:"))).toEqual([]);
    expect(stdout).not.toContain("FAILED");
    expect(code).toBe(0);
    const report = JSON.parse(readFileSync(json, "utf8")) as Report;
    expect(report.scenarios.map(({ name }) => name)).toEqual(["ping", "fanout", "push", "handshake"]);
    for (const { metrics } of report.scenarios) {
      for (const { medians, comparisons } of metrics) {
        expect(medians.ours).toBeGreaterThan(0);
        expect(medians.bare).toBeGreaterThan(0);
        expect(comparisons[0]?.ratios).toHaveLength(1);
      }
    }
    expect(foldersOf(run.pid)).toEqual([]);
  } finally {
    rmSync(out, { recursive: true });
  }
}, 120_000);

test("Ctrl-C ends a run together with its children and its temporary folder", async () => {
  const args = ["--quick", "--rounds", "100", "--only", "ping", "--servers", "bare"];
  const run = Bun.spawn([process.execPath, MAIN, ...args], { stdout: "ignore", stderr: "pipe" });
  const reader = run.stderr.getReader();
  const decoder = new TextDecoder();
  let progress = "";
  while (!progress.includes("round 1 of 100")) {
    const { value, done } = await reader.read();
    if (done) break;
    progress += decoder.decode(value);
  }
  const children = await childrenOf(run.pid);
  expect(children).not.toEqual([]);
  expect(foldersOf(run.pid)).toHaveLength(1);
  run.kill("SIGINT");
  expect(await run.exited).toBe(130);
  for (let waited = 0; waited < 20_000 && children.some(isAlive); waited += 10) await Bun.sleep(10);
  expect(children.filter(isAlive)).toEqual([]);
  expect(foldersOf(run.pid)).toEqual([]);
}, 120_000);

/** Waits until the run has started its next server. */
async function childrenOf(pid: number): Promise<number[]> {
  for (;;) {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (text !== "") return text.split(" ").map(Number);
    await Bun.sleep(5);
  }
}

/** Whether a process exists and is no zombie that waits for its new parent. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
