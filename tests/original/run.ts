/**
 * Runs the clients that the original document prints (§6) against a real server:
 *
 *     npm run test:original -- <path of the document>
 *
 * Prints what they saw. Exit 0 when both connected, were answered and received a push, else 1. Their listings are not ours and are
 * kept nowhere: they live in a temporary folder while they run.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment } from "../e2e/support/command.ts";
import { TestServer } from "../e2e/support/server.ts";
import {
  javascriptProgram,
  javascriptRuntimes,
  movedPythonProgram,
  NOTICE,
  type Program,
  pathOf,
  pythonProgram,
} from "./clients.ts";
import { extractListings } from "./listings.ts";

/** How long a client has for all of it, milliseconds. */
const LIMIT_MS = 15_000;

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: npm run test:original -- <path of the original document>");
  process.exit(2);
}
try {
  process.exitCode = (await main(path)) ? 0 : 1;
} catch (error) {
  console.error(`test:original: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function main(document: string): Promise<boolean> {
  const { javascript, python } = extractListings(await readFile(document, "utf8"));
  // The rate of a default installation.
  await using server = await TestServer.start({ LTY_RATE_LIMIT_MESSAGES: "100" });
  const { id } = JSON.parse(await server.lty("user", "create", "anna", "--json")) as { id: number };
  const access = { wsUrl: server.wsUrl, token: await server.lty("token", "create", "--user", "anna", "--quiet") };
  const programs = [
    ...(await javascriptRuntimes()).map((runtime) => javascriptProgram(javascript, access, runtime)),
    await pythonProgram(python, access),
    await movedPythonProgram(python, access),
  ];
  let passed = true;
  for (const program of programs) passed = (await runProgram(program, server, id)) && passed;
  return passed;
}

/** Runs a program until it has shown everything, or its time is up; tells whether it has. */
async function runProgram(program: Program, server: TestServer, userId: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "lty-original-"));
  await writeFile(pathOf(folder, program), program.source);
  const child = Bun.spawn([...program.command, pathOf(folder, program)], {
    cwd: folder,
    env: cleanEnvironment({ PYTHONUTF8: "1", PYTHONUNBUFFERED: "1", NO_COLOR: "1" }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  console.log(`\n${program.name}:`);
  let output = "";
  let pushed = false;
  try {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const text = decoder.decode(chunk, { stream: true });
      process.stdout.write(text.replace(/^(?=.)/gm, "  "));
      output += text;
      if (!pushed && shows(output, program.shows.connection_status)) {
        pushed = true;
        await server.data("POST", "/api/messages/", { type: "notice", message: { text: NOTICE }, user_id: userId });
      }
      if (missing(program, output).length === 0) break;
    }
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    await child.exited;
    await rm(folder, { recursive: true });
  }
  const unseen = missing(program, output);
  console.log(unseen.length === 0 ? `✓ ${program.name}` : `✗ ${program.name}: not seen: ${unseen.join(", ")}`);
  return unseen.length === 0;
}

function missing(program: Program, output: string): string[] {
  return Object.entries(program.shows).flatMap(([what, text]) => (shows(output, text) ? [] : [what]));
}

/** Runtimes print an object each in its own way: white space, quotes and line ends do not count. */
function shows(output: string, text = ""): boolean {
  const plain = (printed: string) => printed.replace(/["'\s]/g, "");
  return plain(output).includes(plain(text));
}
