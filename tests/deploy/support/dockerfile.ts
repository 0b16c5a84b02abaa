import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../../e2e/support/command.ts";
import { copyContext } from "./program.ts";

/** One line of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Its stages, each from its `FROM` on. */
export async function readDockerfile(): Promise<Instruction[][]> {
  const stages: Instruction[][] = [];
  for (const line of (await Bun.file(join(ROOT, "Dockerfile")).text()).split("\n")) {
    const [, name = "", rest = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (name === "FROM") stages.push([]);
    if (name !== "") stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/**
 * Does in `folder` what an image's build does: the first stage below `build`, what the last one copies below `image`.
 * @throws Error when a step fails, or is of a kind that is not known here
 */
export async function buildInFolder(stages: readonly (readonly Instruction[])[], folder: string): Promise<void> {
  const [build = [], image = []] = stages;
  let cwd = join(folder, "build");
  for (const { name, rest } of build) {
    if (name === "FROM") continue;
    else if (name === "WORKDIR") cwd = join(folder, "build", rest);
    else if (name === "COPY" && rest === ". .") await copyContext(cwd);
    else if (name === "RUN") await shell(rest, cwd);
    else throw new Error(`this step is not known: ${name} ${rest}`);
  }
  for (const { name, rest } of image) {
    if (name !== "COPY") continue;
    const [from = "", to = ""] = rest.split(" ").filter((word) => !word.startsWith("--"));
    const target = join(folder, "image", to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(folder, "build", from), target, { recursive: true });
  }
}

/** The settings that the image sets. */
export function environmentOf(stage: readonly Instruction[]): Record<string, string> {
  const words = stage.filter(({ name }) => name === "ENV").flatMap(({ rest }) => rest.split(" "));
  return Object.fromEntries(words.map((word) => [word.split("=")[0] ?? "", word.slice(word.indexOf("=") + 1)]));
}

async function shell(command: string, cwd: string): Promise<void> {
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", npm_config_prefer_offline: "true" };
  const child = Bun.spawn(["sh", "-c", command], { cwd, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${command}: ${said}`);
}
