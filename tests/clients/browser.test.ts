/** The TypeScript client in Chromium: a laptop's lid, and the network behind it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { type Person, person } from "../e2e/support/people.ts";
import { push } from "../e2e/support/reliable.ts";
import { TestServer } from "../e2e/support/server.ts";
import { handled, handles, PageServer, startBrowser } from "./support/browser.ts";
import { NetworkProxy } from "./support/network-proxy.ts";

const START_MS = 60_000;
const LID_MS = 120_000;
const STEP_MS = 5_000;

let browser: Browser;
let pages: PageServer;
let server: TestServer;
beforeAll(async () => {
  pages = await PageServer.start("browser/page.ts");
  server = await TestServer.start({ LTY_ALLOWED_ORIGINS: pages.origin });
  browser = await startBrowser();
}, START_MS);
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
});

/** Connects the page's client through the proxy. */
async function connect(page: Page, proxy: NetworkProxy, { token }: Person): Promise<void> {
  const options = JSON.stringify({ url: proxy.url, token, clientId: "laptop" });
  await page.evaluate(`(async () => {
    globalThis.scene = lty.begin(${options});
    await scene.client.connect();
  })()`);
}

/** A page with a client that is connected and has handled its first message. */
async function begun(proxy: NetworkProxy) {
  const anna = await person(server);
  const page = await (await browser.newContext()).newPage();
  await pages.open(page);
  await connect(page, proxy, anna);
  await push(server, anna, 1);
  await handles(page, 1);
  return { anna, page, [Symbol.asyncDispose]: () => page.context().close() };
}

/** The lid: nothing runs in the page until it is opened. */
async function lid(page: Page, state: "frozen" | "active"): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state });
  await session.detach();
}

describe("a lid that is closed for two minutes:", () => {
  test("the page is frozen, and has every message once when it is back", async () => {
    await using proxy = await NetworkProxy.start(server.port);
    await using scene = await begun(proxy);
    const { anna, page } = scene;
    await lid(page, "frozen");
    for (const n of [2, 3]) await push(server, anna, n);
    await lid(page, "active");
    // Timers of the two minutes fall due late, all at once.
    await page.evaluate(`scene.clock.advance(${LID_MS})`);
    await push(server, anna, 4);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.evaluate("scene.clock.advance(30000)");
    await handles(page, 4);
    expect(await handled(page)).toEqual([1, 2, 3, 4]);
  });

  for (const state of ["frozen", "active"] as const) {
    test(`the machine is offline, the page ${state}: it comes back at the browser's word, and has every message once`, async () => {
      await using proxy = await NetworkProxy.start(server.port);
      await using scene = await begun(proxy);
      const { anna, page } = scene;
      await lid(page, state);
      await page.context().setOffline(true);
      proxy.sever();
      for (const n of [2, 3]) await push(server, anna, n);
      if (state === "active") {
        // It notices by itself, and tries in vain.
        for (let ms = 0; ms < LID_MS; ms += STEP_MS) await page.evaluate(`scene.clock.advance(${STEP_MS})`);
        await page.waitForFunction("scene.states.filter((state) => state === 'waiting').length > 1");
        await page.waitForFunction("scene.client.state.state === 'waiting'");
      }
      await page.context().setOffline(false);
      await lid(page, "active");
      if (state === "frozen") await page.evaluate(`scene.clock.advance(${LID_MS})`);
      // In the seconds that this may take, too little passes for the wait of an attempt that failed: `online` ends it.
      const passesMs = state === "active" ? 1 : 100;
      await page.waitForFunction(`(scene.clock.advance(${passesMs}), scene.handled.length >= 3)`);
      await push(server, anna, 4);
      await handles(page, 4);
      expect(await handled(page)).toEqual([1, 2, 3, 4]);
      expect(await page.evaluate("scene.states.filter((state) => state === 'connected').length")).toBe(2);
    });
  }

  test("the network has forgotten the connection meanwhile: the page notices, comes back, and has every message once", async () => {
    await using proxy = await NetworkProxy.start(server.port);
    await using scene = await begun(proxy);
    const { anna, page } = scene;
    await lid(page, "frozen");
    proxy.sever();
    for (const n of [2, 3]) await push(server, anna, n);
    await lid(page, "active");
    await page.evaluate(`scene.clock.advance(${LID_MS})`);
    expect(await page.evaluate("scene.client.state.state")).not.toBe("idle");
    await page.evaluate("scene.clock.advance(10000)");
    await page.evaluate("dispatchEvent(new Event('online'))");
    await page.evaluate("scene.clock.advance(1)");
    await handles(page, 3);
    await push(server, anna, 4);
    await handles(page, 4);
    expect(await handled(page)).toEqual([1, 2, 3, 4]);
    expect(await page.evaluate("scene.states.filter((state) => state === 'connected').length")).toBe(2);
  });

  test("the page is closed and opened again: it goes on from what localStorage holds", async () => {
    await using proxy = await NetworkProxy.start(server.port);
    await using scene = await begun(proxy);
    const { anna, page } = scene;
    await page.reload({ waitUntil: "load" });
    await push(server, anna, 2);
    await connect(page, proxy, anna);
    await handles(page, 1);
    expect(await handled(page)).toEqual([2]);
  });
});
