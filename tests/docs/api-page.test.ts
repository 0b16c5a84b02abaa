/** `/docs` in Chromium: all of the API is there, from this server alone. */

import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startBrowser } from "../clients/support/browser.ts";
import { TestServer } from "../e2e/support/server.ts";

const START_MS = 60_000;
const ROOT = join(import.meta.dir, "../..");
/** Where the picture goes: into the documentation when it is asked for, else where nobody commits it. */
const PICTURES = join(ROOT, process.env.QY_LTY_PICTURES === "1" ? "docs/pictures" : ".cache/pictures");

test(
  "/docs shows every group of routes, and loads nothing from elsewhere",
  async () => {
    await using server = await TestServer.start();
    await using browser = await startBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (line) => {
      if (line.type() === "error") complaints.push(line.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${server.url}/docs`);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { tags: string[] }>>;
    };
    const tags = new Set(
      Object.values(document.paths).flatMap((path) => Object.values(path).flatMap(({ tags }) => tags)),
    );
    expect(tags.size).toBeGreaterThan(3);
    for (const tag of tags) await page.getByText(tag, { exact: true }).first().waitFor();
    await page.getByText("Push a message to a user", { exact: true }).first().click();
    await page.getByRole("heading", { name: "Push a message to a user" }).first().waitFor();
    await mkdir(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, "api.png") });
    const elsewhere = asked.filter((url) => !url.startsWith(server.url) && !/^(data|blob):/.test(url));
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  },
  START_MS,
);
