import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "../../e2e/support/client.ts";
import { ROOT } from "../../e2e/support/command.ts";
import { TestSocket } from "../../e2e/support/socket.ts";
import { within } from "../../e2e/support/wait.ts";

const START_MS = 60_000;

/** An empty folder, gone when it is disposed of. */
export class EmptyFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "lty-deploy-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Builds the binary at `outfile`, as `npm run build:binary` does. */
export async function buildBinary(outfile: string): Promise<void> {
  const child = Bun.spawn([process.execPath, "--no-env-file", "scripts/build-binary.ts", "--outfile", outfile], {
    ...{ cwd: ROOT, stdout: "ignore", stderr: "pipe" },
  });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(said);
}

/** The program as it is shipped, run in a folder of its own with nothing of this machine's environment. */
export class Shipped implements AsyncDisposable {
  readonly #children: Bun.Subprocess[] = [];

  constructor(
    private readonly binary: string,
    readonly folder: string,
    private readonly env: Readonly<Record<string, string>> = {},
  ) {}

  /** Runs a command to its end; answers what it printed. */
  async run(...words: string[]): Promise<string> {
    const child = this.#spawn(words);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(`lty ${words.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  /** Serves, until `stop`; answers the URL. */
  async serve(): Promise<{ url: string; stop(): Promise<number> }> {
    const child = this.#spawn(["serve", "--port", "0", "--json"]);
    let text = "";
    const listening = Promise.withResolvers<string>();
    void (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) {
        text += decoder.decode(chunk, { stream: true });
        if (text.includes("\n")) listening.resolve((JSON.parse(text.split("\n")[0] ?? "") as { url: string }).url);
      }
      listening.reject(new Error(`it ended: ${await child.stderr.text()}`));
    })();
    const url = await within(listening.promise, "the server's address", START_MS);
    return {
      url,
      stop: () => {
        child.kill("SIGTERM");
        return child.exited;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map((child) => child.exited));
  }

  #spawn(words: readonly string[]) {
    const child = Bun.spawn([this.binary, ...words], {
      cwd: this.folder,
      env: { PATH: "/usr/bin:/bin", LTY_WEATHER_PROVIDER: "fixed", ...this.env },
      ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    });
    this.#children.push(child);
    return child;
  }
}

/** Pushes to a device that is away, fetches it after a restart, and looks at what only files could bring. */
export async function roundTrip(program: Shipped): Promise<Record<string, unknown>> {
  await program.run("user", "create", "alice", "--admin");
  await program.run("device", "create", "speaker", "--user", "alice", "--primary");
  const [token, device] = [
    await program.run("token", "create", "--user", "alice", "--quiet"),
    await program.run("token", "create", "--device", "1", "--quiet"),
  ];
  const first = await program.serve();
  const pushed = await request(first.url, "POST", "/api/messages/", {
    token,
    body: { user_id: 1, type: "notice", message: "晚饭好了" },
  });
  const script = await request(first.url, "GET", "/docs/scalar.js");
  await program.run("backup", "copy.db");
  const stopped = await first.stop();

  const second = await program.serve();
  using socket = await TestSocket.open(second.url.replace("http", "ws"), { token: device });
  const { type, message, message_id } = await socket.next();
  const isSame = message_id === (pushed.body.data as { message_id: string }).message_id;
  return {
    ...{ pushed: pushed.status, stopped, received: { type, message }, isSame },
    apiPage: script.status === 200 && script.text.length > 100_000,
    backup: existsSync(join(program.folder, "copy.db")),
    stoppedAgain: await second.stop(),
  };
}

/** What a round trip that went well answers. */
export const GOOD_ROUND_TRIP = {
  ...{ pushed: 200, stopped: 0, received: { type: "notice", message: "晚饭好了" }, isSame: true },
  ...{ apiPage: true, backup: true, stoppedAgain: 0 },
};

/** A copy of the checkout without what is in `.dockerignore`: what an image's build is given. */
export async function copyContext(to: string): Promise<void> {
  const listed = Bun.spawn(["git", "ls-files", "-co", "--exclude-standard"], { cwd: ROOT, stdout: "pipe" });
  const ignored = (await Bun.file(join(ROOT, ".dockerignore")).text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => new Bun.Glob(line));
  for (const file of (await listed.stdout.text()).split("\n")) {
    const parts = file.split("/").map((_, depth, all) => all.slice(0, depth + 1).join("/"));
    if (file === "" || !existsSync(join(ROOT, file))) continue;
    if (parts.some((part) => ignored.some((glob) => glob.match(part)))) continue;
    mkdirSync(join(to, file, ".."), { recursive: true });
    cpSync(join(ROOT, file), join(to, file));
  }
}
