/** The TypeScript client in Chromium: a laptop's lid, and the network behind it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { type Person, person } from "../e2e/support/people.ts";
import { push } from "../e2e/support/reliable.ts";
import { TestServer } from "../e2e/support/server.ts";
import { PageServer, startBrowser } from "./support/browser.ts";
import { NetworkProxy } from "./support/network-proxy.ts";

const START_MS = 60_000;
const LID_MS = 120_000;

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

/** A page with a client that is connected through the proxy. */
async function connected(proxy: NetworkProxy, { token }: Person): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await pages.open(page);
  await page.evaluate(`(async () => {
    globalThis.scene = lty.begin({ url: ${JSON.stringify(proxy.url)}, token: ${JSON.stringify(token)}, clientId: "laptop" });
    await scene.client.connect();
  })()`);
  return page;
}

function handled(page: Page): Promise<unknown> {
  return page.evaluate("scene.handled");
}

async function handles(page: Page, count: number): Promise<void> {
  await page.waitForFunction(`scene.handled.length >= ${count}`);
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
    const anna = await person(server);
    const page = await connected(proxy, anna);
    await push(server, anna, 1);
    await handles(page, 1);
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
    await page.context().close();
  });

  test("the network has forgotten the connection meanwhile: the page notices, comes back, and has every message once", async () => {
    await using proxy = await NetworkProxy.start(server.port);
    const anna = await person(server);
    const page = await connected(proxy, anna);
    await push(server, anna, 1);
    await handles(page, 1);
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
    await page.context().close();
  });

  test("the page is closed and opened again: it goes on from what localStorage holds", async () => {
    await using proxy = await NetworkProxy.start(server.port);
    const anna = await person(server);
    const page = await connected(proxy, anna);
    await push(server, anna, 1);
    await handles(page, 1);
    await page.reload({ waitUntil: "load" });
    await push(server, anna, 2);
    await page.evaluate(`(async () => {
      globalThis.scene = lty.begin({ url: ${JSON.stringify(proxy.url)}, token: ${JSON.stringify(anna.token)}, clientId: "laptop" });
      await scene.client.connect();
    })()`);
    await handles(page, 1);
    expect(await handled(page)).toEqual([2]);
    await page.context().close();
  });
});
