import type { TestServer } from "./server.ts";

export interface Person {
  readonly id: number;
  readonly name: string;
  readonly token: string;
}

export interface Companion {
  readonly id: number;
  readonly token: string;
}

let made = 0;

/** A name nobody has yet. */
export function unique(kind: string): string {
  made += 1;
  return `${kind}-${made}`;
}

/** Anything a token can be made for. */
type Owner = { readonly user_id: number } | { readonly device_id: number } | { readonly service: string };

/** A token, and what the API calls it. */
export async function issue(
  server: TestServer,
  owner: Owner,
  expiresInS?: number,
): Promise<{ id: number; token: string }> {
  const lifetime = expiresInS === undefined ? {} : { expires_in_s: expiresInS };
  return server.data("POST", "/api/tokens/", { ...owner, ...lifetime });
}

/** A user with a token. */
export async function person(server: TestServer, more: { readonly is_admin?: boolean } = {}): Promise<Person> {
  const name = unique("user");
  const { id } = await server.data<{ id: number }>("POST", "/api/users/", { username: name, ...more });
  const { token } = await issue(server, { user_id: id });
  return { id, name, token };
}

/** A device with a token, bound to `owner` if there is one. */
export async function companion(
  server: TestServer,
  owner?: Pick<Person, "id">,
  more: { readonly is_primary?: boolean } = {},
): Promise<Companion> {
  const binding = owner === undefined ? {} : { user_id: owner.id };
  const { id } = await server.data<{ id: number }>("POST", "/api/devices/", {
    name: unique("device"),
    ...binding,
    ...more,
  });
  const { token } = await issue(server, { device_id: id });
  return { id, token };
}

/** The token of a new service. */
export async function service(server: TestServer): Promise<string> {
  return (await issue(server, { service: unique("service") })).token;
}

/** The token of a new service that may issue tokens: only the command line makes one. */
export function issuer(server: TestServer): Promise<string> {
  return server.lty("token", "create", "--service", unique("issuer"), "--may", "issue-tokens", "--quiet");
}

/** A socket ticket for the holder of `token`. */
export async function ticketFor(server: TestServer, token: string, deviceId?: number): Promise<string> {
  const body = deviceId === undefined ? {} : { device_id: deviceId };
  const answer = await server.api("POST", "/api/tickets/", { token, body });
  return String((answer.body.data as { ticket: string }).ticket);
}

export async function disable(server: TestServer, user: Person): Promise<void> {
  await server.data("PATCH", `/api/users/${user.id}/`, { is_active: false });
}

/** A user with a device that was never connected; `more` is said of the device. */
export async function household(server: TestServer, more: { readonly is_primary?: boolean } = {}) {
  const user = await person(server);
  return { user, device: await companion(server, user, more) };
}
