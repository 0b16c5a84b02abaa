/** Tabs of one origin in Chromium, which share a connection. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeGateway } from "@qy-lty/testkit";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { person } from "../e2e/support/people.ts";
import { push } from "../e2e/support/reliable.ts";
import { TestServer } from "../e2e/support/server.ts";
import { handled, handles, PageServer, startBrowser } from "./support/browser.ts";

const START_MS = 60_000;

let browser: Browser;
let pages: PageServer;
beforeAll(async () => {
  pages = await PageServer.start("browser/page.ts");
  browser = await startBrowser();
}, START_MS);
afterAll(async () => {
  await browser.close();
  await pages[Symbol.asyncDispose]();
});

/** Opens a tab that takes part. */
async function open(context: BrowserContext, options: { readonly url: string; readonly token: string }): Promise<Page> {
  const page = await context.newPage();
  await pages.open(page);
  await page.evaluate(`(() => {
    globalThis.scene = lty.share(${JSON.stringify({ ...options, clientId: "web" })});
    scene.listen();
    scene.client.connect();
  })()`);
  return page;
}

async function connected(page: Page): Promise<Page> {
  await page.waitForFunction("scene.client.state === 'connected'");
  return page;
}

/** Two tabs beside a scripted gateway: the first holds the connection. */
async function twoTabs(gateway: FakeGateway) {
  const context = await browser.newContext();
  const options = { url: gateway.url, token: "t" };
  const first = await open(context, options);
  const connection = await gateway.greet({ consumer: "app:7:web", top: 9 });
  await connected(first);
  const second = await connected(await open(context, options));
  return { context, first, second, connection, [Symbol.asyncDispose]: () => context.close() };
}

test("share one connection; when the tab that holds it is closed, another goes on, and nothing is handled twice", async () => {
  await using server = await TestServer.start({ LTY_ALLOWED_ORIGINS: pages.origin });
  const anna = await person(server);
  const context = await browser.newContext();
  const options = { url: server.url, token: anna.token };
  const [first, second, third] = [
    await connected(await open(context, options)),
    await connected(await open(context, options)),
    await connected(await open(context, options)),
  ];
  const ofAnna = async () => {
    const { connections } = await server.data<{ connections: { user_id: unknown }[] }>("GET", "/api/connections/");
    return connections.filter(({ user_id }) => Number(user_id) === anna.id).length;
  };
  expect(await ofAnna()).toBe(1);
  const holders = (tabs: readonly Page[]) => Promise.all(tabs.map((tab) => tab.evaluate("scene.client.isHolder")));
  expect(await holders([first, second, third])).toEqual([true, false, false]);
  await push(server, anna, 1);
  for (const tab of [first, second, third]) await handles(tab, 1);
  expect(await second.evaluate("scene.client.request('chat_message', '你好').then(({ message }) => message)")).toBe(
    "收到消息:你好",
  );

  await first.close();
  await push(server, anna, 2);
  await push(server, anna, 3);
  for (const tab of [second, third]) await handles(tab, 3);
  expect(await holders([second, third])).toEqual([true, false]);
  expect([await handled(second), await handled(third)]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(await ofAnna()).toBe(1);
  await context.close();
});

for (const way of ["is closed", "leaves"] as const) {
  test(`what is under way when the tab that holds the connection ${way} is asked again under the same id, once`, async () => {
    await using gateway = FakeGateway.start();
    await using tabs = await twoTabs(gateway);
    await tabs.second.evaluate("void (globalThis.reply = scene.client.request('weather', { city: '上海' }))");
    const { id } = await tabs.connection.nextOfType("weather");
    if (way === "is closed") await tabs.first.close();
    else await tabs.first.evaluate("scene.client.close()");
    const next = await gateway.greet({ consumer: "app:7:web", top: 9 });
    expect(await next.nextOfType("weather")).toMatchObject({ id, message: { city: "上海" } });
    next.say({ type: "weather_response", id: String(id), data: "sunny" });
    expect(await tabs.second.evaluate("reply.then(({ data }) => data)")).toBe("sunny");
    expect(await tabs.second.evaluate("scene.client.isHolder")).toBe(true);
    expect(next.frames.all.filter(({ type }) => type === "weather")).toHaveLength(1);
  });
}

test("a connection that breaks under the tab that holds it: what another tab has asked is asked again once", async () => {
  await using gateway = FakeGateway.start();
  await using tabs = await twoTabs(gateway);
  await tabs.second.evaluate("void (globalThis.reply = scene.client.request('weather'))");
  const { id } = await tabs.connection.nextOfType("weather");
  tabs.connection.cut();
  await tabs.second.waitForFunction("scene.client.state === 'waiting'");
  await tabs.first.evaluate("scene.clock.advance(1000)");
  const next = await gateway.greet({ consumer: "app:7:web", top: 9 });
  expect(await next.nextOfType("weather")).toMatchObject({ id });
  next.say({ type: "weather_response", id: String(id), data: "rain" });
  expect(await tabs.second.evaluate("reply.then(({ data }) => data)")).toBe("rain");
  // A question that went out behind it would be here before this one.
  await tabs.second.evaluate("scene.client.request('ping')");
  expect(next.frames.all.filter(({ type }) => type === "weather")).toHaveLength(1);
});

test("a request of any tab has its time, may be given up, and fails as it would over a connection of its own", async () => {
  await using gateway = FakeGateway.start();
  await using tabs = await twoTabs(gateway);
  const outcome = "({ name, code }) => (name === 'LtyError' ? code : name)";
  await tabs.second.evaluate(`(() => {
    globalThis.abort = new AbortController();
    globalThis.late = scene.client.request('weather', {}, { timeoutMs: 2000 }).catch(${outcome});
    globalThis.given = scene.client.request('sing', {}, { signal: abort.signal }).catch(${outcome});
    globalThis.refused = scene.client.request('dance', {}).catch(${outcome});
    globalThis.ended = scene.client.request('fly', {}).catch((error) => [error.name, error.code]);
  })()`);
  await tabs.connection.nextOfType("weather");
  await tabs.connection.nextOfType("sing");
  const { id } = await tabs.connection.nextOfType("dance");
  tabs.connection.say({ type: "error", id: String(id), code: "RATE_LIMITED", message: "no" });
  await tabs.connection.nextOfType("fly");
  await tabs.second.evaluate("scene.clock.advance(2000)");
  await tabs.second.evaluate("abort.abort()");
  expect(await tabs.second.evaluate("Promise.all([late, given, refused])")).toEqual([
    ...["TIMEOUT", "AbortError", "RATE_LIMITED"],
  ]);
  tabs.connection.close(4010, "credential revoked");
  expect(await tabs.second.evaluate("ended")).toEqual(["ClosedError", 4010]);
  const loop =
    "(async () => { try { for await (const _ of scene.client.messages()); } catch ({ code }) { return code; } })()";
  await tabs.second.waitForFunction("scene.client.state === 'closed'");
  expect(await tabs.second.evaluate(loop)).toBe(4010);
});

test("a loop: acknowledged when the next is asked for; what it was left with is for the next loop of that tab", async () => {
  await using gateway = FakeGateway.start();
  const context = await browser.newContext();
  const page = await context.newPage();
  await pages.open(page);
  await page.evaluate(`(() => {
    globalThis.scene = lty.share(${JSON.stringify({ url: gateway.url, token: "t", clientId: "web" })});
    globalThis.left = scene.loop(2, false);
    scene.client.connect();
  })()`);
  const connection = await gateway.greet({ consumer: "app:7:web", top: 3 });
  for (const seq of [1, 2, 3]) connection.push({ seq });
  await page.evaluate("left");
  expect(await handled(page)).toEqual([1, 2]);
  // An acknowledgement that went out before it would be here with it.
  await page.evaluate("scene.client.request('ping')");
  expect(connection.acknowledged).toEqual([1]);
  await page.evaluate("scene.loop(2, true)");
  await connection.acknowledgement(3);
  expect([await handled(page), connection.acknowledged]).toEqual([
    [1, 2, 2, 3],
    [1, 2, 3],
  ]);
  await context.close();
});

test("a handler that throws in the tab that holds the connection has it come again, to that tab alone; elsewhere it is told", async () => {
  await using gateway = FakeGateway.start();
  await using tabs = await twoTabs(gateway);
  const failsOnce =
    "(() => { let failed = 0; scene.client.on('song', () => { scene.handled.push('song'); if (failed++ === 0) throw new Error('no'); }); })()";
  for (const tab of [tabs.first, tabs.second]) await tab.evaluate(failsOnce);
  tabs.connection.push({ seq: 1, type: "song" });
  await tabs.second.waitForFunction("scene.errors.length > 0");
  await tabs.first.waitForFunction("scene.errors.length > 0");
  await tabs.first.evaluate("scene.clock.advance(6000)");
  await tabs.first.evaluate("scene.clock.advance(1000)");
  const next = await gateway.greet({ consumer: "app:7:web", top: 9 });
  next.push({ seq: 1, type: "song", redelivered: true });
  expect(await next.nextOfType("ack")).toMatchObject({ seq: 1 });
  expect([await tabs.first.evaluate("scene.errors"), await tabs.second.evaluate("scene.errors")]).toEqual([
    ["HANDLER_FAILED"],
    ["HANDLER_FAILED"],
  ]);
  expect(await handled(tabs.first)).toEqual(["song", "song"]);
});
