import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { stepsOf } from "./support/markdown.ts";
import { LEAVES, pages, ROOT, readPage } from "./support/pages.ts";

const files = [...pages(), ...LEAVES];

test("the generated pages are current", async () => {
  const check = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "scripts/gen.ts"), "--check"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const complaint = await new Response(check.stderr).text();
  expect(await check.exited, complaint).toBe(0);
}, 60_000);

describe("every link leads somewhere:", () => {
  for (const file of files) {
    test(file, async () => {
      const broken: string[] = [];
      for (const link of linksIn(await readPage(file))) {
        const problem = await problemOf(link, file);
        if (problem !== undefined) broken.push(`${link}: ${problem}`);
      }
      expect(broken).toEqual([]);
    });
  }
});

test("every page of docs/ can be reached from its index", async () => {
  const reached = new Set(["docs/README.md"]);
  for (const file of reached) {
    if (!file.endsWith(".md")) continue;
    for (const link of linksIn(await readPage(file))) {
      const target = normalize(join(dirname(file), link.split("#")[0] ?? ""));
      if (!isOutside(link) && target.startsWith("docs/")) reached.add(target);
    }
  }
  const lost = pages().filter((file) => file.startsWith("docs/") && !reached.has(file));
  expect(lost).toEqual([]);
});

test("both READMEs run the same commands", async () => {
  const blocks = async (file: string) =>
    stepsOf(await readPage(file)).map((step) => (step.kind === "block" ? step.code : step.terminal));
  expect(await blocks("README.zh-CN.md")).toEqual(await blocks("README.md"));
});

test("CONTRIBUTING.md names every folder of the server, and no other", async () => {
  const [listed = ""] = /^server\/src\/\n(?: {2}.*\n)+/m.exec(await readPage("CONTRIBUTING.md")) ?? [];
  const named = [...listed.matchAll(/^ {2}([a-z]+)\//gm)].map((match) => match[1]);
  const folders = readdirSync(join(ROOT, "server/src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(named.toSorted()).toEqual(folders.map(({ name }) => name).sort());
});

/** Targets of inline links, without those in code. */
function linksIn(markdown: string): string[] {
  const prose = markdown.replaceAll(/^( *)(`{3,})[\s\S]*?^\1\2$/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
}

function isOutside(link: string): boolean {
  return /^[a-z]+:/.test(link);
}

async function problemOf(link: string, from: string): Promise<string | undefined> {
  if (isOutside(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : normalize(join(dirname(from), path));
  if (!existsSync(join(ROOT, target))) return "there is no such file";
  if (anchor === undefined) return undefined;
  if (!target.endsWith(".md") || statSync(join(ROOT, target)).isDirectory()) return "an anchor needs a page";
  return anchorsIn(await readPage(target)).includes(anchor) ? undefined : "there is no such heading";
}

/** What GitHub makes of a page's headings. */
function anchorsIn(markdown: string): string[] {
  const prose = markdown.replaceAll(/^( *)(`{3,})[\s\S]*?^\1\2$/gm, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
