/** What `npm pack` makes, used as whoever installs it does: Node.js with `ws`, a Vite build, a page, the compiler. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeGateway } from "@qy-lty/testkit";
import { ROOT } from "../e2e/support/command.ts";
import { startBrowser } from "./support/browser.ts";
import { succeed } from "./support/commands.ts";

const LONG_MS = 120_000;
const MODULES = join(ROOT, "node_modules");
const PROGRAM = `
  const client = new LtyClient({ url, token: "t", ...more });
  await client.connect();
  const reply = await client.request("ping");
  await client.close();
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lty-package-"));
  const packed = await succeed(
    ["npm", "pack", "--silent", "--pack-destination", folder],
    join(ROOT, "clients/typescript"),
  );
  await Bun.write(join(folder, "package.json"), '{"name":"app","private":true,"type":"module"}');
  const tarball = join(folder, packed.trim().split("\n").at(-1) ?? "");
  await succeed(["npm", "install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", tarball], folder);
  await cp(join(MODULES, "ws"), join(folder, "node_modules/ws"), { recursive: true });
}, LONG_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Greets whoever comes; the fake answers pings by itself. */
async function greetAll(gateway: FakeGateway): Promise<never> {
  for (;;) await gateway.greet();
}

test("it holds the built files, their sources without tests, and both READMEs", async () => {
  const inside = join(folder, "node_modules/@qy-lty/client");
  expect((await readdir(inside)).sort()).toEqual(["README.md", "README.zh-CN.md", "dist", "package.json", "src"]);
  expect((await readdir(join(inside, "src"))).filter((name) => name.includes(".test."))).toEqual([]);
  const { dependencies } = (await Bun.file(join(inside, "package.json")).json()) as { dependencies?: object };
  expect(dependencies).toBeUndefined();
});

async function runsInNode(node: string): Promise<void> {
  await using gateway = FakeGateway.start();
  void greetAll(gateway);
  const isOld = Number((await succeed([node, "-p", "process.versions.node.split('.')[0]"], folder)).trim()) < 22;
  const more = isOld ? "const more = { WebSocket };" : "const more = {};";
  await Bun.write(
    join(folder, "app.mjs"),
    `import { LtyClient } from "@qy-lty/client";
     import "@qy-lty/client/original";
     ${isOld ? 'import { WebSocket } from "ws";' : ""}
     const url = ${JSON.stringify(gateway.url)};
     ${more}
     ${PROGRAM}
     console.log(reply.type);`,
  );
  expect((await succeed([node, "app.mjs"], folder)).trim()).toBe("pong");
}

test("in plain Node.js, as a module: with ws passed in before 22", () => runsInNode("node"), LONG_MS);

const NODE_22 = join(
  ROOT,
  ".cache",
  "node-22",
  "node_modules",
  `node-${process.platform}-${process.arch}`,
  "bin",
  "node",
);
const hasNode22 = existsSync(NODE_22);
test.skipIf(!hasNode22)(
  `in Node.js 22, with its own WebSocket${hasNode22 ? "" : " [needs Node.js 22 from npm, which has none for this platform]"}`,
  () => runsInNode(NODE_22),
  LONG_MS,
);

test("without a WebSocket it says what is needed", async () => {
  const program = `import { LtyClient } from "@qy-lty/client"; delete globalThis.WebSocket;
    try { new LtyClient({ url: "http://127.0.0.1", token: "t" }) } catch (error) { console.log(error.message) }`;
  await Bun.write(join(folder, "none.mjs"), program);
  expect(await succeed(["node", "none.mjs"], folder)).toContain("new LtyClient({ WebSocket })");
});

test(
  "its types are read by the compiler, also those of requests",
  async () => {
    await Bun.write(
      join(folder, "typed.ts"),
      `import { ClosedError, LtyClient, type PushedFrame } from "@qy-lty/client";
     import { DeviceWebSocketClient } from "@qy-lty/client/original";
     const client = new LtyClient({ url: "http://127.0.0.1", getToken: async () => "t" });
     const temp: string = (await client.request("weather", { city: "上海" })).data.weather.now.temp;
     client.on("reset", ({ lost }) => { const from: number = lost.from; void from; });
     client.on("notice", (frame: PushedFrame) => frame.message_id);
     // @ts-expect-error a song is no number
     void client.request("sing", { song: 7 });
     void temp; void ClosedError; void DeviceWebSocketClient;`,
    );
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--module",
      "nodenext",
      "--lib",
      "esnext,dom",
      "--types",
      "",
    ];
    await succeed([join(MODULES, ".bin/tsc"), "--ignoreConfig", ...options, "typed.ts"], folder);
  },
  LONG_MS,
);

test(
  "in a Vite build, opened in a browser: whatever is not used is left out",
  async () => {
    await using gateway = FakeGateway.start();
    void greetAll(gateway);
    await mkdir(join(folder, "page"), { recursive: true });
    await Bun.write(
      join(folder, "page/index.html"),
      '<!doctype html><p id="said"></p><script type="module" src="/main.js"></script>',
    );
    await Bun.write(
      join(folder, "page/main.js"),
      `import { LtyClient } from "@qy-lty/client";
     const url = ${JSON.stringify(gateway.url)}, more = {};
     ${PROGRAM}
     document.getElementById("said").textContent = reply.type;`,
    );
    await succeed([join(MODULES, ".bin/vite"), "build", "--logLevel", "warn", "page"], folder);
    const [script = ""] = (await readdir(join(folder, "page/dist/assets"))).filter((name) => name.endsWith(".js"));
    const text = await Bun.file(join(folder, "page/dist/assets", script)).text();
    expect(text).not.toContain("requestWeather");

    await using served = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        const { pathname } = new URL(url);
        if (pathname === "/favicon.ico") return new Response("", { status: 404 });
        return new Response(Bun.file(join(folder, "page/dist", pathname === "/" ? "index.html" : pathname)));
      },
    });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(served.url.href);
      await page.waitForFunction("document.getElementById('said').textContent === 'pong'");
    } finally {
      await browser.close();
    }
  },
  LONG_MS,
);
