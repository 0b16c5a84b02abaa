import { Command, type Help } from "commander";
import manifest from "../package.json" with { type: "json" };
import { UsageError } from "./exit.ts";
import { writeAll } from "./output.ts";

/** The `lty` command, without its commands. It throws where commander would print an error and exit. */
export function createProgram(): Command {
  return new Command("lty")
    .description("Run and manage qy-lty, a realtime gateway for AI companion devices.")
    .version(manifest.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .configureOutput({ writeOut: (text) => writeAll(1, text), outputError: () => {} })
    .configureHelp({ prepareContext: listLeaves })
    .addHelpText("beforeAll", ({ error, command }) => {
      if (error) throw new UsageError(`\`${pathOf(command)}\` needs a command; see \`${pathOf(command)} --help\``);
      return "";
    })
    .exitOverride();
}

/** Adds a command that only holds others, as `lty user`. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary);
}

/** Adds a command that does something: with an example in its help and, as all of them, `--json`. */
export function addCommand(parent: Command, usage: string, summary: string, example: string): Command {
  return parent
    .command(usage)
    .description(summary)
    .option("--json", "print JSON, for programs")
    .addHelpText("after", `\nExample:\n  $ ${example}`);
}

/** Help lists what can be typed, `user create <name>` and not only `user`. (Suggestions for typos ask for the direct ones.) */
function listLeaves(this: Help, { helpWidth }: { readonly helpWidth?: number }): void {
  this.helpWidth ??= helpWidth ?? 80;
  this.visibleCommands = leavesOf;
  this.subcommandTerm = (command) => {
    const path = pathOf(command).slice("lty ".length);
    return [path, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(" ");
  };
}

function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
