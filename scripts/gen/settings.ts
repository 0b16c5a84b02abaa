import { ClientConfig } from "@qy-lty/server/config/config.ts";
import { allSettings, environmentName, type SettingDoc } from "@qy-lty/server/config/load.ts";
import { code, heading, type Page, parts, table } from "./page.ts";

export const settingsPage: Page = {
  file: "settings.md",
  render: () => {
    const ofCommands = new Set(Object.keys(ClientConfig.shape).map(environmentName));
    const settings = allSettings();
    return parts(
      heading("Settings", "`server/src/config/config.ts`"),
      "A setting is an environment variable. A name that begins with `LTY_` and is not on this page, or a value that a setting does not accept, stops the start with one line that names it. `npx lty check-config` looks without starting.",
      "## The server",
      settingsTable(settings.filter(({ name }) => !ofCommands.has(name))),
      "## Commands that speak to a server",
      settingsTable(settings.filter(({ name }) => ofCommands.has(name))),
    );
  },
};

function settingsTable(settings: readonly SettingDoc[]): string {
  return table(
    ["name", "default", "expects", "what it does"],
    settings.map(({ name, default: preset, expects, description, secret }) => [
      code(name),
      preset === null ? "not set" : preset === "" ? "empty" : code(preset),
      secret ? `${expects}, secret` : expects,
      description,
    ]),
  );
}
