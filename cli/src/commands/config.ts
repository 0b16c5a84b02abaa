import {
  allSettings,
  environmentName,
  loadClientConfig,
  loadConfig,
  maskUserinfo,
  type SettingDoc,
} from "@qy-lty/server/config/load.ts";
import type { Command } from "commander";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand } from "../program.ts";

const HIDDEN = "••••";

/** `lty check-config` and `lty config-doc` */
export function configCommands(program: Command): void {
  addCommand(
    program,
    "check-config",
    "Check the settings and print what is in effect",
    "LTY_PORT=9000 lty check-config",
  ).action((options: OutputOptions) => {
    const values = effectiveSettings();
    show(options, Object.fromEntries(values.map(({ name, value }) => [name, value])), () =>
      table(
        ["SETTING", "FROM", "VALUE"],
        values.map(({ name, value, from }) => [name, from, valueText(value)]),
      ),
    );
  });

  addCommand(program, "config-doc", "Print every setting with its meaning", "lty config-doc").action(
    (options: OutputOptions) => {
      const settings = allSettings();
      show(options, settings, () => table(["SETTING", "DEFAULT", "MEANING"], settings.map(documentation)));
    },
  );
}

interface EffectiveSetting {
  readonly name: string;
  /** Never a secret. Null: not set, and no default. */
  readonly value: unknown;
  readonly from: "environment" | "default";
}

function effectiveSettings(): readonly EffectiveSetting[] {
  const loaded = { ...loadConfig(), ...loadClientConfig() };
  const values = new Map<string, unknown>(Object.entries(loaded).map(([key, value]) => [environmentName(key), value]));
  return allSettings().map(({ name, secret }) => ({
    name,
    value: showable(values.get(name), secret),
    from: process.env[name] === undefined ? "default" : "environment",
  }));
}

function showable(value: unknown, secret: boolean): unknown {
  if (value === undefined) return null;
  if (secret) return HIDDEN;
  return typeof value === "string" ? maskUserinfo(value) : value;
}

function valueText(value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return "–";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function documentation({ name, default: fallback, description, expects }: SettingDoc): readonly string[] {
  return [name, fallback || "–", expects === "text" ? description : `${description} (${expects})`];
}
