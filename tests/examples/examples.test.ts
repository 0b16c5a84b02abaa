/** The programs of examples/, run beside a real server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startBrowser } from "../clients/support/browser.ts";
import { cleanEnvironment, ROOT, run } from "../e2e/support/command.ts";
import { companion, person, service } from "../e2e/support/people.ts";
import { push, pushToDevice, states } from "../e2e/support/reliable.ts";
import { TestServer } from "../e2e/support/server.ts";
import { within } from "../e2e/support/wait.ts";

const EXAMPLES = join(ROOT, "examples");
const BUN = join(ROOT, "node_modules/.bin/bun");
const PATIENCE_MS = 40_000;

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
}, 120_000);
afterAll(() => server[Symbol.asyncDispose]());

/** A program that runs on until the test ends, and what it prints. */
class Program implements AsyncDisposable {
  #said = "";
  #heard = () => {};
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  constructor(command: readonly string[], settings: Readonly<Record<string, string>>) {
    const env = cleanEnvironment(settings);
    this.#child = Bun.spawn([...command], { cwd: ROOT, env, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    void this.#read();
  }

  /** Resolves when it has printed that. */
  async says(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      this.#heard = () => this.#said.includes(text) && resolve();
      this.#heard();
    });
    await within(said, `"${text}" after ${JSON.stringify(this.#said)}`, PATIENCE_MS);
  }

  /** How often it has printed that. */
  count(text: string): number {
    return this.#said.split(text).length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.#said += decoder.decode(chunk, { stream: true });
      this.#heard();
    }
  }
}

test("the device sings, dances, and has handled after a restart what it had handled", async () => {
  const owner = await person(server);
  const device = await companion(server, owner);
  const settings = { LTY_URL: server.url, LTY_TOKEN: device.token, DEVICE_FOLDER: join(server.folder, "device") };
  const command = [BUN, join(EXAMPLES, "device/device.ts")];
  {
    await using program = new Program(command, settings);
    await program.says("开始播放:青花瓷 - 周杰伦");
    const pushed = await push(server, owner, { song: "稻香", artist: "周杰伦" }, { type: "sing" });
    await program.says("♪ 稻香 - 周杰伦");
    // The place is stored by then.
    while ((await states(server, pushed))[`device:${device.id}`] !== "acknowledged");
  }
  await push(server, owner, { dance: "华尔兹" }, { type: "dance" });
  await using program = new Program(command, settings);
  await program.says("dancing 华尔兹");
  expect(program.count("稻香")).toBe(0);
}, 120_000);

test("the app tells the weather and shows what is pushed, by the backends in TypeScript and curl", async () => {
  const anna = await person(server);
  const backend = { LTY_URL: server.url, LTY_TOKEN: await service(server) };
  await using program = new Program([BUN, join(EXAMPLES, "app/app.ts")], {
    LTY_URL: server.url,
    LTY_TOKEN: anna.token,
  });
  await program.says("上海: 晴, 25°C");
  const first = await run([BUN, join(EXAMPLES, "backend/push.ts"), String(anna.id), "晚饭好了"], backend);
  expect(first).toMatchObject({ code: 0, stdout: "accepted as 1\n" });
  await program.says('notice: "晚饭好了"');
  const second = await run([join(EXAMPLES, "backend/push.sh"), String(anna.id), "吃饭"], backend);
  expect(second.code).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ status: "success", data: { seq: 2 } });
  await program.says('notice: "吃饭"');
}, 120_000);

test("the C device is compiled without a warning, acknowledges, and comes back to a server that was killed", async () => {
  await using own = await TestServer.start();
  const owner = await person(own);
  const device = await companion(own, owner);
  const binary = join(own.folder, "device");
  const compiled = await run(
    [
      "g++",
      "-x",
      "c",
      "-std=gnu11",
      "-O2",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-o",
      binary,
      join(EXAMPLES, "bare-c/device.c"),
    ].map(String),
    {},
  );
  expect(compiled.stderr).toBe("");
  const { port } = own;
  await using program = new Program([binary, "127.0.0.1", String(port)], { LTY_TOKEN: device.token });
  await program.says("connected");
  const pushed = await pushToDevice(own, device, { seq: 99, text: 'a "seq": 7' });
  await program.says(pushed.message_id);
  await own.end("SIGKILL");
  await own.serve(port);
  const second = await push(own, owner, "x".repeat(300), { type: "sing" });
  await program.says(second.message_id);
  expect([program.count(pushed.message_id), program.count(second.message_id)]).toEqual([1, 1]);
  await own.data("DELETE", `/api/devices/${device.id}/`);
  await program.says("stopped 4010");
}, 180_000);

test("the page says who is connected, asks, and shows", async () => {
  await using page = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: { "/": (await import("../../examples/web-page/index.html")).default },
    development: false,
  });
  await using own = await TestServer.start({ LTY_ALLOWED_ORIGINS: page.url.origin });
  const anna = await person(own);
  const browser = await startBrowser();
  try {
    const tab = await browser.newPage();
    await tab.goto(`${page.url.href}?url=${encodeURIComponent(own.url)}&token=${anna.token}`);
    await tab.waitForFunction("document.querySelector('#state').textContent === 'connected'");
    await tab.fill("input", "你好");
    await tab.click("button");
    await tab.waitForFunction("document.querySelector('#messages').textContent === '收到消息:你好'");
    await push(own, anna, "晚饭好了", { type: "notice" });
    await tab.waitForFunction("document.querySelector('#messages').textContent.endsWith('晚饭好了')");
  } finally {
    await browser.close();
  }
}, 120_000);
