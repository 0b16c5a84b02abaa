/**
 * 24 clients of the Python package, in one process, over a server that is killed again and again while pushes come in: the
 * figures of clients/python/tests/crash, which holds what handlers were given against what was pushed.
 *
 *     npm run test:python-crash [-- --short] [-- --save NAME]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Report, runScript } from "../faults/support/report.ts";
import { outcome } from "./support/commands.ts";
import { PACKAGE, preparePython, program } from "./support/python.ts";

const LONG = { kills: 10, pushes: 20_000 };
const SHORT = { kills: 2, pushes: 1_200 };
const CLIENTS = 24;

interface Figures {
  readonly answered: number;
  readonly retried: number;
  readonly reconnects: number;
  readonly redelivered: number;
  readonly lost: readonly number[];
  readonly twice: readonly number[];
  readonly disorder: readonly number[];
}

/** Runs pytest, and makes a report of what it found. @throws Error with pytest's output where it came to no figures */
export async function pythonCrash(short: boolean): Promise<Report> {
  const { kills, pushes } = short ? SHORT : LONG;
  await preparePython();
  const folder = await mkdtemp(join(tmpdir(), "lty-python-crash-"));
  const file = Bun.file(join(folder, "figures.json"));
  try {
    const command = [program("python"), "-m", "pytest", "-p", "no:cacheprovider", "tests/crash", "--show-capture=no"];
    const settings = { QY_LTY_KILLS: String(kills), QY_LTY_PUSHES: String(pushes), QY_LTY_FIGURES: file.name ?? "" };
    const { code, stdout, stderr } = await outcome(command, PACKAGE, settings);
    if (!(await file.exists())) throw new Error(`pytest exited with ${code}:\n${stdout}${stderr}`);
    const figures = (await file.json()) as Figures;
    const report = new Report(
      `Python clients: ${CLIENTS} of them, ${kills} × kill -9, ${pushes.toLocaleString("en-US")} pushes`,
    );
    report.add("pushes accepted", figures.answered, "", { equals: pushes });
    report.add("pushed again under their idempotency key", figures.retried);
    report.add("reconnects", figures.reconnects, "", { atLeast: CLIENTS * kills });
    report.add("handled that may have been seen before", figures.redelivered);
    report.none("accepted and never handled", figures.lost.map(String));
    report.none("given to a handler twice", figures.twice.map(String));
    report.none("handled out of order", figures.disorder.map(String));
    report.add("pytest's exit code", code, "", { equals: 0 });
    return report;
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.main) await runScript(pythonCrash);
