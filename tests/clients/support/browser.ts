import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Starts the system's Chromium. @throws Error where there is none */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("no Chromium: run `npm test`, which installs it");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Resolves when the page's `scene` has handled so many messages. */
export async function handles(page: Page, count: number): Promise<void> {
  await page.waitForFunction(`scene.handled.length >= ${count}`);
}

/** What it has handled. */
export function handled(page: Page): Promise<unknown> {
  return page.evaluate("scene.handled");
}

/** Serves one page whose script is bundled from `entry`, a file below this folder's parent. */
export class PageServer implements AsyncDisposable {
  readonly #server: ReturnType<typeof Bun.serve>;

  private constructor(script: string) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) =>
        new URL(url).pathname === "/page.js"
          ? new Response(script, { headers: { "content-type": "text/javascript" } })
          : new Response('<!doctype html><title>test</title><script type="module" src="/page.js"></script>', {
              headers: { "content-type": "text/html" },
            }),
    });
  }

  static async start(entry: string): Promise<PageServer> {
    const { outputs } = await Bun.build({ entrypoints: [join(import.meta.dir, "..", entry)], target: "browser" });
    return new PageServer((await outputs[0]?.text()) ?? "");
  }

  /** `http://127.0.0.1:<port>` */
  get origin(): string {
    return this.#server.url.origin;
  }

  /** Opens the page, its script run. */
  async open(page: Page): Promise<void> {
    await page.goto(this.origin, { waitUntil: "load" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}
