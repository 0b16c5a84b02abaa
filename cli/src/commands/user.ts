import type { Store } from "@qy-lty/server/store/store.ts";
import type { User } from "@qy-lty/server/store/users.ts";
import type { Command } from "commander";
import { name } from "../arguments.ts";
import { everyItem, note, withStore } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { readPassword } from "../password.ts";
import { addCommand, addGroup } from "../program.ts";
import { toIso, toMinute } from "../time.ts";

interface CreateOptions extends OutputOptions {
  readonly admin?: boolean;
  readonly passwordStdin?: boolean;
}

/** `lty user …` */
export function userCommands(program: Command): void {
  const users = addGroup(program, "user", "Create, list, disable and enable users");

  addCommand(users, "create", "Create a user", "lty user create alice --admin")
    .argument("<name>", "1 to 150 characters, nobody else's", name)
    .option("--admin", "let the user do everything")
    .option("--password-stdin", "set a password: the first line of stdin")
    .action(async (username: string, options: CreateOptions) => {
      // Bun's defaults, 64 MiB and two passes, are well above OWASP's minimum (19 MiB and two).
      const passwordHash = options.passwordStdin ? await Bun.password.hash(await readPassword(), "argon2id") : null;
      await withStore(async (store) => {
        const user = await store.users.create({ username, passwordHash, isAdmin: options.admin ?? false });
        await note(store, "user created", { user_id: user.id });
        const kind = options.admin ? "admin" : "user";
        show(options, toItem(user), () => `Created ${kind} ${username} (id ${user.id}).`);
      });
    });

  addCommand(users, "list", "List users", "lty user list").action((options: OutputOptions) =>
    withStore(async (store) => {
      const found = await everyItem((page) => store.users.list(page));
      show(options, found.map(toItem), () => (found.length === 0 ? "There are no users yet." : toTable(found)));
    }),
  );

  addCommand(users, "disable", "Refuse a user, and end their connections", "lty user disable alice")
    .argument("<name>", "the user's name")
    .action((username: string, options: OutputOptions) => setActive(username, false, options));

  addCommand(users, "enable", "Let a disabled user in again", "lty user enable alice")
    .argument("<name>", "the user's name")
    .action((username: string, options: OutputOptions) => setActive(username, true, options));
}

/** @throws UsageError when nobody has that name */
export async function findUser(store: Store, username: string): Promise<User> {
  const user = await store.users.findByName(username);
  if (user === undefined) throw new UsageError(`there is no user '${username}'; \`lty user list\` shows them all`);
  return user;
}

function setActive(username: string, isActive: boolean, options: OutputOptions): Promise<void> {
  return withStore(async (store) => {
    const { id } = await findUser(store, username);
    const user = await store.users.change(id, { isActive });
    await note(store, "user changed", { user_id: id, fields: ["is_active"] });
    show(options, toItem(user), () => `User ${username} is ${isActive ? "enabled" : "disabled"}.`);
  });
}

/** As the API shows it. */
function toItem(user: User) {
  return {
    id: user.id,
    username: user.username,
    is_admin: user.is_admin === 1,
    is_active: user.is_active === 1,
    created_at: toIso(user.created_at),
  };
}

function toTable(users: readonly User[]): string {
  return table(
    ["ID", "NAME", "ROLE", "STATE", "CREATED"],
    users.map((user) => [
      String(user.id),
      user.username,
      user.is_admin ? "admin" : "user",
      user.is_active ? "active" : "disabled",
      toMinute(user.created_at),
    ]),
  );
}
