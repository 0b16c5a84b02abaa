/** The programs that tests need beside Bun. One row each; what is missing is installed where that is ours to do. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./children.mjs";
import { virtualEnvironment } from "./python.mjs";

const INSTALL_LIMIT_MS = 600_000;
/** The Node.js whose own WebSocket the TypeScript client is shown with: npm has it as a package for each platform. */
const NODE_22 = "22.23.3";
const PYTHON_OK = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
// Debian keeps the server's programs off the PATH, a folder for each version; psql and pg_dump come with them.
const POSTGRES_OK =
  "ls /usr/lib/postgresql/1[4-9]/bin/initdb /usr/lib/postgresql/[2-9]?/bin/initdb 2>/dev/null | grep -q . || command -v initdb";

/** `check` is a command that succeeds where the program is there; `linux` marks what exists on Linux alone. */
const SERVICES = [
  { name: "g++", check: ["g++", "--version"], packages: ["g++"] },
  { name: "Python ≥ 3.10 with venv", check: ["python3", "-c", PYTHON_OK], packages: ["python3", "python3-venv"] },
  { name: "curl", check: ["curl", "--version"], packages: ["curl"] },
  { name: "strace", check: ["strace", "-V"], packages: ["strace"], linux: true },
  { name: "PostgreSQL ≥ 14", check: ["sh", "-c", POSTGRES_OK], packages: ["postgresql"] },
  { name: "Redis", check: ["redis-server", "--version"], packages: ["redis-server"] },
  { name: "Chromium", check: ["chromium", "--version"], packages: ["chromium"], linux: true },
  { name: "iproute2", check: ["ip", "-V"], packages: ["iproute2"], linux: true },
];

/** Virtual environments below `.cache/`, and what is in each. */
const ENVIRONMENTS = [
  ["venv", "tests/requirements.txt"],
  ["python-client", "clients/python/requirements-dev.txt"],
  ["python-client-oldest", "clients/python/requirements-oldest.txt"],
];

/**
 * Brings up what is missing: on Debian as root by apt-get, elsewhere it only says what to install.
 * @param {string} root
 * @returns {Promise<string[]>} a line for each thing that is still missing
 */
export async function bringUp(root) {
  const missing = SERVICES.filter(isMissing);
  const problems = missing.length === 0 ? [] : await install(missing, root);
  for (const [name, requirements] of ENVIRONMENTS) {
    problems.push(...(await virtualEnvironment(root, name, join(root, requirements))));
  }
  await node22(root);
  return problems;
}

/** Where npm has none for this platform, the test that wants it says so. */
async function node22(root) {
  const folder = join(root, ".cache", "node-22");
  const name = `node-${process.platform}-${process.arch}`;
  if (existsSync(join(folder, "node_modules", name, "bin", "node"))) return;
  console.error("Installing Node.js 22 …");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  await run("npm", ["install", "--no-audit", "--no-fund", "--no-save", `${name}@${NODE_22}`], {
    cwd: folder,
    limitMs: INSTALL_LIMIT_MS,
  });
}

function isMissing({ check: [command, ...args], linux }) {
  if (linux && process.platform !== "linux") return false;
  return spawnSync(command, args, { stdio: "ignore" }).status !== 0;
}

async function install(missing, root) {
  const packages = missing.flatMap((service) => service.packages);
  const names = missing.map((service) => service.name).join(", ");
  const isDebian = existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get");
  if (!isDebian) return [`install ${names}, which the tests need`];
  if (process.getuid?.() !== 0) return [`${names} missing; run: sudo apt-get install ${packages.join(" ")}`];

  console.log(`Installing ${names} …`);
  const options = { cwd: root, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, limitMs: INSTALL_LIMIT_MS };
  // What Debian starts by itself would stay, on ports that are its own: tests start what they need.
  const policy = join("/usr/sbin", "policy-rc.d");
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const apt = (...args) => run("apt-get", ["-q", "-y", "-o", "Acquire::Retries=3", ...args], options);
  const updated = await apt("update");
  const installed = await apt("install", "--no-install-recommends", ...packages);
  if (isOurs) rmSync(policy);
  const still = missing.filter(isMissing);
  if (still.length === 0) return [];
  const why = (updated.status === 0 ? installed : updated).output.trim().split("\n").at(-1);
  return still.map(({ name }) => `${name} could not be installed by apt-get: ${why}`);
}
