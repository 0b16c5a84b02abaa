import { createServer } from "node:net";
import { join } from "node:path";
import { type Block, MAIN_TERMINAL, type Step, stepsOf } from "./markdown.ts";
import { ROOT } from "./pages.ts";
import { pythonPath } from "./python.ts";
import { Sandbox } from "./sandbox.ts";
import { Terminal } from "./terminal.ts";

/** The address that the pages show. The server of a page has a port of its own. */
const SHOWN_ADDRESS = /\b(127\.0\.0\.1|localhost):8000\b/g;

/** What a server prints once it serves. */
const SERVES = "qy-lty serving on http://…";

/** How a block of each language is run where no later block does it by its file name. */
const RUNNERS: Readonly<Record<string, (file: string) => string>> = {
  bash: (file) => `. ./${file}`,
  js: (file) => `npx bun ${file}`,
  ts: (file) => `npx bun ${file}`,
  python: (file) => `python3 ${file}`,
};
const SUFFIXES: Readonly<Record<string, string>> = { bash: "sh", js: "mjs", ts: "ts", python: "py" };

/** Languages that are shown and not run. */
export const SHOWN_LANGUAGES: ReadonlySet<string> = new Set(["text", "json", "nginx", "caddyfile", "yaml", "mermaid"]);

export function isRunnable({ language, output }: Block): boolean {
  return language in RUNNERS && output === undefined;
}

/**
 * Does what a reader of the page would do, from a fresh checkout, and compares what the page says they see.
 * @throws Error with the line of the step that went wrong
 */
export async function followPage(markdown: string): Promise<void> {
  const steps = stepsOf(markdown).filter((step) => step.kind === "interrupt" || step.noRun === undefined);
  const blocks = steps.filter((step) => step.kind === "block");
  if (!blocks.some(isRunnable)) return;

  using sandbox = new Sandbox();
  await using reader = new Reader(sandbox, await freePort(), await pythonPath());
  if (!blocks.some(startsServer)) await reader.startServer();
  for (const step of steps) {
    try {
      await reader.take(step);
    } catch (error) {
      throw new Error(`line ${step.line}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

class Reader implements AsyncDisposable {
  readonly #sandbox: Sandbox;
  readonly #env: Readonly<Record<string, string>>;
  readonly #address: string;
  readonly #terminals = new Map<string, Terminal>();

  constructor(sandbox: Sandbox, port: number, python: string) {
    const own = Object.entries(process.env).filter(([name]) => !/^(LTY_|npm_|FORCE_COLOR|CI$)/.test(name));
    this.#sandbox = sandbox;
    this.#address = `127.0.0.1:${port}`;
    this.#env = {
      ...(Object.fromEntries(own) as Record<string, string>),
      PATH: `${python}:${process.env.PATH}`,
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      // As if the page's reader had installed the client.
      PYTHONPATH: join(ROOT, "clients", "python", "src"),
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      LTY_PORT: String(port),
      LTY_URL: `http://${this.#address}`,
      // The pages' weather comes from a network, which is no part of the test.
      LTY_WEATHER_PROVIDER: "fixed",
    };
  }

  /** For a page that takes a running server for granted. */
  async startServer(): Promise<void> {
    const terminal = this.#terminal("server");
    terminal.type("npx lty serve --demo");
    await terminal.ready(SERVES);
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "interrupt") {
      if (!(await this.#terminal(step.terminal).interrupt())) this.#terminals.delete(step.terminal);
      return;
    }
    const code = step.code.replace(SHOWN_ADDRESS, this.#address);
    if (step.output !== undefined) return this.#terminal(step.output).expect(code.split("\n"));
    const runner = RUNNERS[step.language];
    if (runner === undefined) return;

    const file = step.file ?? `.line-${step.line}.${SUFFIXES[step.language]}`;
    await Bun.write(join(this.#sandbox.path, file), `${code}\n`);
    if (step.file !== undefined) return;
    const terminal = this.#terminal(step.terminal ?? MAIN_TERMINAL);
    terminal.type(runner(file));
    if (step.terminal === undefined) await terminal.finish();
    else if (startsServer(step)) await terminal.ready(SERVES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const terminal of [...this.#terminals.values()].reverse()) await terminal[Symbol.asyncDispose]();
  }

  #terminal(name: string): Terminal {
    const open = this.#terminals.get(name);
    if (open !== undefined) return open;
    const terminal = new Terminal(name, this.#sandbox.path, this.#env);
    this.#terminals.set(name, terminal);
    return terminal;
  }
}

function startsServer({ terminal, code }: Block): boolean {
  return terminal !== undefined && /npm start|lty serve/.test(code);
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}
