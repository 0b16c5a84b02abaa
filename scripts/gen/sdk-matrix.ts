import { existsSync, readFileSync } from "node:fs";
import { heading, type Page, parts, table } from "./page.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SUITE = "tests/conformance/clients/";
/** Suites of conformance, in the order of the page. */
const SUITES: readonly (readonly [file: string, heading: string])[] = [
  ["delivery.test.ts", "Messages"],
  ["handlers.test.ts", "Handlers and loops"],
  ["reconnect.test.ts", "Connections"],
  ["requests.test.ts", "Requests"],
  ["hostile.test.ts", "A server that does not speak the protocol"],
  ["real-server.test.ts", "Beside a real server"],
];
/** A client takes part in the suites when its driver is there. */
const DRIVERS = { typescript: "clients/typescript/driver/main.ts", python: "clients/python/tests/driver.py" } as const;

type Where = readonly [file: string, test: string];

/** What each language has tests of its own for. */
const OWN: readonly { readonly behaviour: string; readonly typescript?: Where; readonly python?: Where }[] = [
  {
    behaviour: "The original's class, by its members",
    typescript: ["clients/typescript/src/original.test.ts", "the usage example of the original document runs"],
    python: ["clients/python/tests/unit/test_compat.py", "DeviceWebSocketClient"],
  },
  {
    behaviour: "The protocol core alone, without I/O",
    typescript: ["clients/typescript/src/core.test.ts", "the core, without sockets and timers:"],
    python: ["clients/python/tests/unit/test_delivery.py", "def test_"],
  },
  {
    behaviour: "Killed servers, 20,000 pushes, each handled once and in order",
    typescript: ["tests/clients/ledger.ts", "runLanguage"],
    python: ["tests/clients/ledger.ts", "runLanguage"],
  },
  {
    behaviour: "The package, installed and used as its users do",
    typescript: ["tests/clients/packaging.test.ts", "npm pack"],
    python: ["tests/clients/python.test.ts", "wheel"],
  },
  {
    behaviour: "A laptop's lid, closed for two minutes",
    typescript: ["tests/clients/browser.test.ts", "a lid that is closed for two minutes"],
  },
  {
    behaviour: "Several tabs of a browser share one connection",
    typescript: ["tests/clients/tabs.test.ts", "share one connection"],
  },
  { behaviour: "React hooks", typescript: ["tests/clients/react.test.ts", "a component shows the state"] },
];

/** What both clients do, row by row, each with the test that shows it. */
export const sdkMatrixPage: Page = {
  file: "sdk-matrix.md",
  render: () =>
    parts(
      heading("What the clients do", "the tests of the clients"),
      "Both clients are held to one behaviour: the rows of the first tables are tests that are run with each of them. A cell leads to the test; an empty one says that the client does not do it, or that no test shows it. Your own client may be [put to the same tests](../howto/write-a-client.md#check-yours).",
      ...SUITES.flatMap(([file, title]) => [`## ${title}`, suiteTable(file)]),
      "## Beyond",
      table(
        ["behaviour", "TypeScript", "Python"],
        OWN.map(({ behaviour, typescript, python }) => [behaviour, own(typescript), own(python)]),
      ),
    ),
};

function suiteTable(file: string): string {
  const cell = (driver: string) => (existsSync(ROOT + driver) ? link(SUITE + file) : "");
  const rows = titles(SUITE + file).map((title) => [title, cell(DRIVERS.typescript), cell(DRIVERS.python)]);
  return table(["behaviour", "TypeScript", "Python"], rows);
}

/** Titles of tests; where one is made of parts, what stands for them is in words. */
function titles(file: string): string[] {
  const source = readFileSync(ROOT + file, "utf8");
  return [...source.matchAll(/^\s*test\(\s*["`](.*?)["`],/gm)].map(([, title = ""]) =>
    title
      .replace(/\$\{code\} \$\{reason\}: \$\{next\}/, "every close code: what the table says")
      .replace(/\$\{what\} in place/, "no HTTP, no WebSocket, or bytes against its rules, in place")
      .replace(/\$\{code\}, which/, "a close code which")
      .replace(/\$\{code\} in place/, "4001, 4002, 4003 in place")
      .replace(/ \(\$\{kind\}\)/, ", by an exception or not,")
      .replace(/^./, (first) => first.toUpperCase()),
  );
}

function own(where: Where | undefined): string {
  if (where === undefined) return "";
  const [file, test] = where;
  const isThere = existsSync(ROOT + file) && readFileSync(ROOT + file, "utf8").includes(test);
  return isThere ? link(file) : "";
}

function link(file: string): string {
  return `[${file.split("/").at(-1)}](../../${file})`;
}
