import { hashToken, LEGACY_TOKEN_PATTERN, TOKEN_PATTERN } from "@qy-lty/server/platform/ids.ts";
import type { Store } from "@qy-lty/server/store/store.ts";
import { type TokenOwner, type TokenRecord, tokenSubject } from "@qy-lty/server/store/tokens.ts";
import { type Command, Option } from "commander";
import { id, lifetime, serviceName } from "../arguments.ts";
import { everyItem, note, withStore } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type OutputOptions, print, show, table } from "../output.ts";
import { addCommand, addGroup } from "../program.ts";
import { toIso, toMinute } from "../time.ts";
import { findDevice } from "./device.ts";
import { findUser } from "./user.ts";

interface CreateOptions extends OutputOptions {
  readonly user?: string;
  readonly device?: number;
  readonly service?: string;
  readonly may?: "issue-tokens";
  readonly expires?: number;
  readonly quiet?: boolean;
}

/** `lty token …` */
export function tokenCommands(program: Command): void {
  const tokens = addGroup(program, "token", "Create, list and revoke tokens");

  addCommand(
    tokens,
    "create",
    "Create a token and show it this once",
    "export LTY_TOKEN=$(lty token create --user alice --quiet)",
  )
    .usage("(--user <name> | --device <id> | --service <name>) [options]")
    .option("--user <name>", "for this user")
    .option("--device <id>", "for this device", id)
    .option("--service <name>", "for this backend, which is created if it is new", serviceName)
    .addOption(
      new Option("--may <right>", "let the backend also create users, devices and tokens").choices(["issue-tokens"]),
    )
    .option("--expires <lifetime>", "such as 15m, 12h or 30d (else it lives until it is revoked)", lifetime)
    .addOption(new Option("--quiet", "print the token alone").conflicts("json"))
    .action((options: CreateOptions) => {
      requireOneOwner(options);
      return withStore((store) => createToken(store, options));
    });

  addCommand(tokens, "list", "List tokens by their prefixes", "lty token list").action((options: OutputOptions) =>
    withStore(async (store) => {
      const found = await everyItem((page) => store.tokens.list(page));
      show(options, found.map(toItem), () => (found.length === 0 ? "There are no tokens yet." : toTable(found)));
    }),
  );

  addCommand(tokens, "revoke", "Revoke a token, and end its connections", "lty token revoke 4fQzT9aB")
    .argument("<prefix-or-id>", "as `lty token list` shows them")
    .action((which: string, options: OutputOptions) =>
      withStore(async (store) => {
        const { id: tokenId, prefix } = await findToken(store, which);
        await store.tokens.revoke(tokenId);
        await note(store, "token revoked", { token_id: tokenId });
        const revoked = await store.tokens.find(tokenId);
        show(options, revoked && toItem(revoked), () => `Token ${tokenId} (${prefix}…) is revoked.`);
      }),
    );
}

function requireOneOwner({ user, device, service, may }: CreateOptions): void {
  const owners = [user, device, service].filter((owner) => owner !== undefined).length;
  if (owners !== 1) throw new UsageError("give one of --user, --device and --service: whose token?");
  if (may !== undefined && service === undefined) throw new UsageError("--may widens a backend: it needs --service");
}

async function createToken(store: Store, options: CreateOptions): Promise<void> {
  const owner = await findOwner(store, options);
  const { token, record } = await store.tokens.issue(owner, options.expires ?? null);
  await note(store, "token created", { ...tokenSubject(record), ...(options.may && { may: options.may }) });
  if (options.quiet) return print(token);
  const { id: tokenId, prefix, ...rest } = toItem(record);
  show(options, { id: tokenId, prefix, token, ...rest }, () => {
    const until = record.expires_at === null ? "until it is revoked" : `until ${toMinute(record.expires_at)}`;
    return `${token}\n\nToken ${tokenId} of ${ownerText(record)}, good ${until}. It is shown this once.`;
  });
}

async function findOwner(store: Store, { user, device, service, may }: CreateOptions): Promise<TokenOwner> {
  if (user !== undefined) return { kind: "user", id: (await findUser(store, user)).id };
  if (device !== undefined) return { kind: "device", id: (await findDevice(store, device)).id };
  return { kind: "service", id: (await store.services.ensure(service ?? "", may === "issue-tokens")).id };
}

/**
 * By id, by prefix, or by the whole token, which is what one has at hand when it leaked.
 * @throws UsageError when there is none, or several; the line quotes nothing that could be a credential
 */
async function findToken(store: Store, which: string): Promise<TokenRecord> {
  const found = /^[1-9]\d{0,14}$/.test(which) ? await store.tokens.find(Number(which)) : undefined;
  const candidates = found
    ? [found]
    : isToken(which)
      ? await findByToken(store, which)
      : await store.tokens.findByPrefix(which);
  const [token] = candidates;
  if (token === undefined) throw new UsageError("there is no such token; `lty token list` shows ids and prefixes");
  if (candidates.length > 1)
    throw new UsageError("several tokens have this prefix; give the id that `lty token list` shows");
  return token;
}

function isToken(text: string): boolean {
  return TOKEN_PATTERN.test(text) || LEGACY_TOKEN_PATTERN.test(text);
}

async function findByToken(store: Store, token: string): Promise<readonly TokenRecord[]> {
  const credential = await store.credentials.findByHash(hashToken(token));
  const record = credential && (await store.tokens.find(credential.tokenId));
  return record ? [record] : [];
}

/** As the API shows it. */
function toItem(token: TokenRecord) {
  return {
    id: token.id,
    prefix: token.prefix,
    kind: token.kind,
    user_id: token.user_id,
    device_id: token.device_id,
    service: token.service,
    expires_at: toIso(token.expires_at),
    revoked_at: toIso(token.revoked_at),
    last_used_at: toIso(token.last_used_at),
  };
}

function toTable(tokens: readonly TokenRecord[]): string {
  const now = Date.now();
  return table(
    ["ID", "PREFIX", "OWNER", "STATE", "EXPIRES", "LAST USED"],
    tokens.map((token) => [
      String(token.id),
      token.prefix,
      ownerText(token),
      stateText(token, now),
      toMinute(token.expires_at),
      toMinute(token.last_used_at),
    ]),
  );
}

function ownerText(token: TokenRecord): string {
  if (token.kind === "service") return `service ${token.service ?? ""}`;
  return `${token.kind} ${token.user_id ?? token.device_id ?? ""}`;
}

function stateText({ revoked_at, expires_at }: TokenRecord, now: number): string {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && expires_at <= now ? "expired" : "active";
}
