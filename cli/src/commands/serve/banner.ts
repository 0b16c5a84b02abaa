import { bold, dim, table } from "../../output.ts";
import type { Demo, DemoAccounts } from "./demo.ts";

/** What `lty serve` says once it serves. It goes to stdout alone, and so do the credentials in it. */
export function welcome(url: string, demo: Demo | undefined): string {
  const serving = `qy-lty serving on ${bold(url)}`;
  if (demo === undefined) return serving;
  const sections = demo.accounts ? [credentials(demo.accounts), firstSteps(url, demo.accounts)] : hint(demo.username);
  return [
    serving,
    ...sections,
    `${dim("API reference")}  ${bold(`${url}/docs`)}`,
    dim("Ctrl-C stops the server."),
  ].join("\n\n");
}

/** The same for a program, which reads one line. */
export function welcomeData(url: string, demo: Demo | undefined) {
  return {
    url,
    port: Number(url.slice(url.lastIndexOf(":") + 1)),
    ...(demo && { docs: `${url}/docs` }),
    ...(demo?.accounts && { demo: accountData(demo.accounts) }),
  };
}

function accountData({ admin, user, device, tokens }: DemoAccounts) {
  return {
    admin: { user_id: admin.id, username: admin.username, token: tokens.admin },
    user: { user_id: user.id, username: user.username, token: tokens.user },
    device: { device_id: device.id, name: device.name, token: tokens.device },
    app: { user_id: user.id, username: user.username, role: "app", token: tokens.app },
  };
}

function credentials({ admin, user, device, tokens }: DemoAccounts): string {
  const rows = table(
    ["FOR", "IS", "TOKEN"],
    [
      ["admin", `user ${admin.id}`, tokens.admin],
      ["user", `user ${user.id}`, tokens.user],
      ["device", `device ${device.id}`, tokens.device],
      ["app", `user ${user.id}, ?role=app`, tokens.app],
    ],
  );
  return `${bold("Demo credentials")}, shown this once:\n\n${indent(rows)}`;
}

/** Commands to paste, as the admin. The token stands in a variable, never in a URL: those end up in logs. */
function firstSteps(url: string, { user, tokens }: DemoAccounts): string {
  const body = JSON.stringify({ type: "notice", message: { text: "晚饭好了" }, user_id: user.id });
  const commands = `
export LTY_URL='${url}'
export LTY_TOKEN=${tokens.admin}

curl "$LTY_URL/api/messages/" -H "Authorization: Bearer $LTY_TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '${body}'

curl "$LTY_URL/api/online-users/" -H "Authorization: Bearer $LTY_TOKEN"

npx lty send --user ${user.id} --type notice --message '{"text":"hello"}'
`;
  return `${bold("Try it")} in another terminal:\n\n${indent(commands.trim())}`;
}

function hint(username: string | null): string[] {
  if (username === null) return [];
  return [
    `The demo's credentials were shown on its first start; \`npx lty token create --user ${username}\` makes another.`,
  ];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
