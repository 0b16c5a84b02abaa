/** A person: their app, their page, or a device of the original system that uses its owner's token. */
export interface UserPrincipal {
  readonly kind: "user";
  readonly userId: number;
  readonly username: string;
  readonly isAdmin: boolean;
}

/** A device with a token of its own. */
export interface DevicePrincipal {
  readonly kind: "device";
  readonly deviceId: number;
  readonly name: string;
  /** Its owner, or null while nobody owns it. */
  readonly userId: number | null;
}

/** A backend. */
export interface ServicePrincipal {
  readonly kind: "service";
  readonly serviceId: number;
  readonly name: string;
  /** May also create users, devices and tokens, for backends that log their own users in. */
  readonly mayIssueTokens: boolean;
}

/** Who is speaking, once a credential has been checked. */
export type Principal = UserPrincipal | DevicePrincipal | ServicePrincipal;

/** Names a principal across connections: `user:7`, `device:3`, `service:1`. */
export type PrincipalKey = `${Principal["kind"]}:${number}`;

export function principalKey(principal: Principal): PrincipalKey {
  switch (principal.kind) {
    case "user":
      return `user:${principal.userId}`;
    case "device":
      return `device:${principal.deviceId}`;
    case "service":
      return `service:${principal.serviceId}`;
  }
}

/** What `sender` says in a pushed frame. */
export function principalName(principal: Principal): string {
  return principal.kind === "user" ? principal.username : principal.name;
}
