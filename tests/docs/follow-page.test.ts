import { describe, expect, test } from "bun:test";
import { followPage } from "./support/follow-page.ts";
import { stepsOf } from "./support/markdown.ts";

const TIMEOUT_MS = 60_000;

/** A page with `'''` for its fences. */
const page = (text: string) => text.replaceAll("'''", "```");

describe("what a page says of its blocks", () => {
  test("files, terminals, outputs and interruptions", () => {
    const steps = stepsOf(page("'''js file=a.mjs\n1\n'''\n<!-- ctrl-c: b -->\n  '''text output=b\n  c\n  '''"));
    expect(steps).toMatchObject([
      { kind: "block", line: 1, language: "js", file: "a.mjs", code: "1", output: undefined },
      { kind: "interrupt", line: 4, terminal: "b" },
      { kind: "block", line: 5, output: "b", code: "c" },
    ]);
  });

  test("why one is not run, beside it or above it", () => {
    const steps = stepsOf(
      page("'''bash no-run: too long\na\n'''\n<!-- no-run: too far -->\n'''bash\nb\n'''\n'''bash\nc\n'''"),
    );
    expect(steps).toMatchObject([{ noRun: "too long" }, { noRun: "too far" }, { noRun: undefined }]);
  });

  test("a block that is never closed is an error", () => {
    expect(() => stepsOf(page("'''bash\na"))).toThrow("line 1");
  });
});

describe("following a page", () => {
  test(
    "blocks share variables and files, and speak to a server",
    () =>
      followPage(
        page(`
'''js file=ask.mjs
const answer = await fetch("http://127.0.0.1:8000/healthz");
console.log(process.env.WHO, answer.status);
'''
'''bash
export WHO=me
'''
'''bash
npx bun ask.mjs
'''
'''text output
m… 200
'''`),
      ),
    TIMEOUT_MS,
  );

  test(
    "a command that fails ends it, with its line",
    async () => {
      await expect(followPage(page("\n'''bash\ntrue\n'''\n'''bash\nfalse\necho on\n'''"))).rejects.toThrow(
        /^line 5: terminal main .*exit code 1/,
      );
    },
    TIMEOUT_MS,
  );

  test(
    "so does a command within a pipe, and an unset variable",
    async () => {
      await expect(followPage(page("'''bash\nfalse | cat\n'''"))).rejects.toThrow("exit code 1");
      await expect(followPage(page("'''bash\necho \"$NOBODY_SET_THIS\"\n'''"))).rejects.toThrow("unbound variable");
    },
    TIMEOUT_MS,
  );

  test(
    "so does an output that is not what the page shows",
    async () => {
      await expect(followPage(page("'''bash\necho a b\n'''\n'''text output\na c\n'''"))).rejects.toThrow(
        /^line 4: terminal main never printed\n {2}a c/,
      );
    },
    TIMEOUT_MS,
  );
});
