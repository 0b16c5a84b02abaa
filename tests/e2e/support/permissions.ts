/**
 * Who may do what over HTTP, stated anew from the contract (§5, "Who may") and not from the server's code: the permission
 * matrix holds the two against each other.
 */

/** Kinds of callers with a good credential, beside admins, who may do everything. */
export type Kind = "user" | "device" | "service" | "issuer";

/** What a request is about, as the matrix sees it. */
export type Target =
  /** Nothing in particular. */
  | "none"
  | "alice's"
  | "bob's"
  /** An admin's, or becoming an admin. */
  | "an admin's"
  /** A device's that nobody owns. */
  | "nobody's"
  | "absent"
  | "malformed";

export interface Rule {
  /** Who may ever use the route; `everyone` needs no credential. Anyone else is told 403 whatever they ask for. */
  readonly may: readonly Kind[] | "everyone";
  readonly targets: readonly Target[];
  /** What a success answers; 200 unless said. */
  readonly success?: number;
  /** It ends what it is about, so that every success needs another one. */
  readonly spends?: true;
}

const OWNED = ["alice's", "bob's", "absent", "malformed"] as const;
const DEVICES = ["alice's", "bob's", "nobody's", "absent", "malformed"] as const;
const EVERYONE: Rule = { may: "everyone", targets: ["none"] };

/** One rule per route of the server. */
export const RULES: Readonly<Record<string, Rule>> = {
  // A user pushes to itself and its own devices, a device to its owner, a service to anyone.
  "POST /api/messages/": { may: ["user", "device", "service", "issuer"], targets: OWNED },
  "POST /api/users/{user_id}/messages/": { may: ["user", "device", "service", "issuer"], targets: OWNED },
  "POST /api/devices/{device_id}/messages/": { may: ["user", "service", "issuer"], targets: DEVICES },
  "POST /api/broadcast/": { may: ["service", "issuer"], targets: ["none"] },
  // A user reads what became of its own messages, a service of anybody's.
  "GET /api/messages/{message_id}/": { may: ["user", "service", "issuer"], targets: OWNED },

  // A service enqueues and reads the queue's size; to clear it is managing.
  "GET /api/queue/": { may: ["service", "issuer"], targets: ["none"] },
  "POST /api/queue/": { may: ["service", "issuer"], targets: OWNED },
  "DELETE /api/queue/": { may: [], targets: ["none"] },

  // A user reads its own; a service reads presence.
  "GET /api/online-users/": { may: ["user", "service", "issuer"], targets: ["none"] },
  "GET /api/connections/": { may: ["user", "service", "issuer"], targets: ["none"] },
  "DELETE /api/connections/{session_id}/": { may: [], targets: OWNED, spends: true },

  // A service manages nothing; one that may issue tokens creates users, devices and tokens, never an admin's.
  "GET /api/users/": { may: ["user"], targets: ["none"] },
  "POST /api/users/": { may: ["issuer"], targets: ["none", "an admin's", "malformed"], success: 201 },
  "GET /api/users/{user_id}/": { may: ["user"], targets: OWNED },
  "PATCH /api/users/{user_id}/": { may: [], targets: OWNED },
  "DELETE /api/users/{user_id}/": { may: [], targets: OWNED, spends: true },

  "GET /api/devices/": { may: ["user"], targets: ["none"] },
  "POST /api/devices/": {
    may: ["issuer"],
    targets: ["none", "alice's", "bob's", "an admin's", "absent", "malformed"],
    success: 201,
  },
  "GET /api/devices/{device_id}/": { may: ["user"], targets: DEVICES },
  "PATCH /api/devices/{device_id}/": { may: [], targets: DEVICES },
  "DELETE /api/devices/{device_id}/": { may: [], targets: DEVICES, spends: true },

  "GET /api/tokens/": { may: ["user"], targets: ["none"] },
  "POST /api/tokens/": {
    may: ["issuer"],
    targets: ["alice's", "bob's", "an admin's", "absent", "malformed"],
    success: 201,
  },
  "GET /api/tokens/{token_id}/": { may: ["user"], targets: OWNED },
  "DELETE /api/tokens/{token_id}/": { may: [], targets: OWNED, spends: true },

  // Whoever may open a socket gets a ticket for it, or for a device of theirs.
  "POST /api/tickets/": { may: ["user", "device"], targets: ["none", ...DEVICES], success: 201 },

  // Whoever has the password needs no token; the matrix gives a good one.
  "POST /api/login/": EVERYONE,

  // Nobody but admins sees the inside; who is on the machine itself reads the metrics too, which the matrix is not.
  "GET /api/performance/": { may: [], targets: ["none"] },
  "GET /api/audit/": { may: [], targets: ["none"] },
  "GET /metrics": { may: [], targets: ["none"] },

  "GET /healthz": EVERYONE,
  "GET /readyz": EVERYONE,
};

/** Headers of a request that did not begin on the server's own machine. */
export const FROM_ELSEWHERE = { "x-forwarded-for": "203.0.113.9" };

/** A caller as the rules see it. */
export interface Caller {
  /** Absent: the credential is no good, or there is none. */
  readonly kind?: Kind | "admin";
  /** What belongs to it; nothing belongs to services, and everything is open to them where they may come at all. */
  readonly owns?: Target;
}

/** The status that a cell of the matrix must answer. */
export function expectedStatus(route: string, rule: Rule, { kind, owns }: Caller, target: Target): number {
  const success = rule.success ?? 200;
  if (rule.may === "everyone") return success;
  if (kind === undefined) return 401;
  if (kind !== "admin" && !rule.may.includes(kind)) return 403;
  if (target === "malformed") return 422;
  if (target === "absent") return 404;
  if (target === "none") return success;
  if (target === "an admin's") return kind === "admin" ? success : 403;
  const isOpen = kind === "admin" || kind === "service" || kind === "issuer" || owns === target;
  if (!isOpen) return 404;
  // Nobody's device has no log to push to.
  if (target === "nobody's" && route.endsWith("/messages/")) return 409;
  return success;
}
