/** The React hooks in a browser. */
import { expect, test } from "bun:test";
import { person } from "../e2e/support/people.ts";
import { push } from "../e2e/support/reliable.ts";
import { TestServer } from "../e2e/support/server.ts";
import { PageServer, startBrowser } from "./support/browser.ts";

test("a component shows the state and every message, and closes its client when it goes", async () => {
  await using pages = await PageServer.start("browser/react-page.ts");
  await using server = await TestServer.start({ LTY_ALLOWED_ORIGINS: pages.origin });
  const anna = await person(server);
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${pages.origin}/?url=${encodeURIComponent(server.url)}&token=${anna.token}`);
    const shows = (text: string) => page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`);
    await shows("connected: ");
    await push(server, anna, "one");
    await shows("connected: one");
    await push(server, anna, "two");
    await shows("connected: one, two");
    await page.evaluate("leave()");
    for (let count = 1; count > 0; ) {
      const { total_connections } = await server.data<{ total_connections: number }>("GET", "/api/connections/");
      count = total_connections;
    }
    expect(await page.evaluate("document.body.textContent")).toBe("");
  } finally {
    await browser.close();
  }
}, 120_000);
