import { expect, test } from "bun:test";
import { basename, join } from "node:path";
import { ROOT, readPage } from "./support/pages.ts";

const PAGE = "docs/explain/delivery.md";
const IDS = Array.from({ length: 14 }, (_, n) => `I${n + 1}`);

/** The rows of the table: what holds, and the files that show it. */
const rows = [...(await readPage(PAGE)).matchAll(/^\| (I\d+) \| (.+?) \| (.+) \|$/gm)].map(
  ([, id = "", what = "", shown = ""]) => ({
    id,
    what,
    links: [...shown.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = "", target = ""]) => ({ name, target })),
  }),
);

test("the table has a row for each invariant, in order", () => {
  expect(rows.map(({ id }) => id)).toEqual(IDS);
});

test.each(rows.map((row) => [row.id, row.what, row.links] as const))(
  "%s is shown by tests that are there: %s",
  async (_id, _what, links) => {
    expect(links.length).toBeGreaterThan(0);
    for (const { name, target } of links) {
      const path = join(ROOT, "docs/explain", target);
      expect({ target, name, isThere: await Bun.file(path).exists() }).toEqual({
        target,
        name: basename(target),
        isThere: true,
      });
      expect(await Bun.file(path).text()).toMatch(/^\s*(export function \w+Contract|(test|describe)(\.\w+)?\()/m);
    }
  },
);
