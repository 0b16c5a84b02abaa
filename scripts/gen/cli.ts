import { code, heading, type Page, parts, table } from "./page.ts";

const MAIN = new URL("../../cli/src/main.ts", import.meta.url).pathname;

export const cliPage: Page = {
  file: "cli.md",
  render: async () => {
    const overview = await help([]);
    const commands = commandsIn(overview);
    const helps = await Promise.all(commands.map((command) => help(command.split(" "))));
    return parts(
      heading("Commands", "`cli/src/`"),
      "From the repository's root: `npx lty …`. Below is what each prints with `--help`.",
      table(["exit code", "means"], EXIT_CODES),
      "Commands for users, devices and tokens work on the database of `LTY_DATABASE_URL` themselves, also while a server runs on it: it notices within a second. `send` and `bench` speak to the server at `LTY_URL`, as the owner of `LTY_TOKEN`.",
      "## lty",
      fenced(overview),
      ...commands.flatMap((command, index) => [`## lty ${command}`, fenced(helps[index] ?? "")]),
    );
  },
};

const EXIT_CODES = [
  [code(0), "It is done."],
  [code(1), "It failed at run time. One line on stderr says why."],
  [
    code(2),
    "It was asked for what cannot be: a bad argument or setting, an unknown name. One line on stderr says which.",
  ],
];

/** `user create`, … in the order in which `lty --help` lists them; its wrapped lines are indented further. */
function commandsIn(overview: string): string[] {
  const listed = overview.slice(overview.indexOf("\nCommands:\n"));
  const commands = [...listed.matchAll(/^ {2}([a-z][a-z-]*(?: [a-z][a-z-]*)?)(?: <[^>]+>)* {2,}\S/gm)];
  return commands.map((match) => match[1] ?? "");
}

/** What a command prints where nobody has said how wide or how coloured. */
async function help(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, ...command, "--help"], {
    env: { PATH: process.env.PATH ?? "", NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`lty ${command.join(" ")} --help failed`);
  return text.trimEnd();
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
