/** The examples in Python beside a real server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { cleanEnvironment, ROOT } from "../e2e/support/command.ts";
import { companion, type Person, person, service } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { within } from "../e2e/support/wait.ts";
import { outcome, succeed } from "./support/commands.ts";
import { PACKAGE, preparePython, program } from "./support/python.ts";

const INSTALL_MS = 200_000;
const PATIENCE_MS = 40_000;
const PUSH = join(ROOT, "examples", "backend", "push.py");
const DEVICE = join(ROOT, "examples", "device", "device.py");

let server: TestServer;
let anna: Person;
beforeAll(async () => {
  await preparePython();
  server = await TestServer.start();
  anna = await person(server);
}, INSTALL_MS);
afterAll(() => server[Symbol.asyncDispose]());

test("a device sings and dances when a backend says so", async () => {
  const device = await companion(server, anna);
  await using running = start([program("python"), DEVICE], {
    LTY_TOKEN: device.token,
    DEVICE_PLACE: join(server.folder, "place.json"),
  });
  await running.shows("开始播放:青花瓷 - 周杰伦");
  const pushed = { type: "dance", message: { dance: "华尔兹" }, user_id: anna.id };
  await server.data("POST", "/api/messages/", pushed);
  await running.shows("dancing 华尔兹");
  await server.data("POST", "/api/messages/", { ...pushed, type: "sing", message: { song: "夜曲", artist: "周杰伦" } });
  await running.shows("♪ 夜曲 - 周杰伦");
});

test("a backend pushes, and says in one line why not", async () => {
  const settings = { LTY_URL: server.url, LTY_TOKEN: await service(server) };
  const command = [program("python"), PUSH];
  expect(await succeed([...command, String(anna.id), "晚饭好了"], ROOT, settings)).toMatch(/^accepted as \d+\n$/);
  for (const [args, token] of [
    [["999", "hi"], settings.LTY_TOKEN],
    [[String(anna.id), "hi"], "lty_unknown"],
    [["nobody", "hi"], settings.LTY_TOKEN],
  ] as const) {
    const { code, stderr } = await outcome([...command, ...args], ROOT, { ...settings, LTY_TOKEN: token });
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
    expect(stderr).not.toContain("lty_unknown");
  }
});

test("a device whose token is refused says so in one line", async () => {
  const settings = { LTY_URL: server.url, LTY_TOKEN: "lty_unknown", PYTHONPATH: join(PACKAGE, "src") };
  const place = { DEVICE_PLACE: join(server.folder, "other.json") };
  const { code, stderr } = await outcome([program("python"), DEVICE], ROOT, { ...settings, ...place });
  expect(code).toBe(1);
  expect(stderr.trim().split("\n").at(-1)).toMatch(/^Authentication required.* \(close 4001\)$/);
  expect(stderr).not.toContain("Traceback");
});

/** A program that runs until it is left. */
function start(command: readonly string[], settings: Readonly<Record<string, string>>) {
  const child = Bun.spawn([...command], {
    env: cleanEnvironment({
      PYTHONPATH: join(PACKAGE, "src"),
      PYTHONUTF8: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      LTY_URL: server.url,
      ...settings,
    }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const chunks = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let output = "";
  const shows = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      const { value, done } = await within(chunks.next(), text, PATIENCE_MS);
      if (done) throw new Error(`it ended before it showed ${text}:\n${output}`);
      output += value;
    }
  };
  return {
    shows,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
