import type { Clock } from "../platform/clock.ts";
import { hashToken, mintTicket } from "../platform/ids.ts";
import type { SharedStore } from "../store/shared-store.ts";

/** How long a socket ticket can be used, milliseconds. */
export const TICKET_LIFETIME_MS = 30_000;
/** Most unused tickets at once; past it the oldest goes. */
const MAX_TICKETS = 10_000;

/** What a ticket stands for. The token it was made with is checked again when it is used. */
export interface TicketGrant {
  readonly tokenId: number;
  /** Opens the socket as this device rather than as the token's own principal. */
  readonly deviceId: number | null;
}

/** One-use stand-ins for a token in a URL, for browsers that cannot set a header. */
export interface Tickets {
  /** Makes a ticket that lives 30 s. @throws GatewayError `UNAVAILABLE` */
  issue(grant: TicketGrant): string | Promise<string>;
  /** Uses a ticket up. Null when it is unknown, used or expired. @throws GatewayError `UNAVAILABLE` */
  redeem(ticket: string): TicketGrant | null | Promise<TicketGrant | null>;
}

/** Tickets that any node may be shown: kept in the database, where a row is deleted once, whoever asks at once. */
export class SharedTickets implements Tickets {
  constructor(private readonly store: Pick<SharedStore, "saveTicket" | "takeTicket">) {}

  async issue(grant: TicketGrant): Promise<string> {
    const ticket = mintTicket();
    await this.store.saveTicket(hashToken(ticket), grant, TICKET_LIFETIME_MS, MAX_TICKETS);
    return ticket;
  }

  redeem(ticket: string): Promise<TicketGrant | null> {
    return this.store.takeTicket(hashToken(ticket));
  }
}

/** Tickets of a server that is alone. */
export class MemoryTickets implements Tickets {
  readonly #grants = new Map<string, TicketGrant & { readonly expiresAt: number }>();

  constructor(private readonly clock: Clock) {}

  issue(grant: TicketGrant): string {
    this.#dropExpired();
    if (this.#grants.size >= MAX_TICKETS) this.#dropOldest();
    const ticket = mintTicket();
    this.#grants.set(hashToken(ticket), { ...grant, expiresAt: this.clock.monotonic() + TICKET_LIFETIME_MS });
    return ticket;
  }

  redeem(ticket: string): TicketGrant | null {
    const key = hashToken(ticket);
    const grant = this.#grants.get(key);
    if (grant === undefined) return null;
    this.#grants.delete(key);
    return grant.expiresAt > this.clock.monotonic() ? grant : null;
  }

  /** Tickets are kept in the order they were made, and all live equally long: the expired ones come first. */
  #dropExpired(): void {
    const now = this.clock.monotonic();
    for (const [key, grant] of this.#grants) {
      if (grant.expiresAt > now) return;
      this.#grants.delete(key);
    }
  }

  #dropOldest(): void {
    const oldest = this.#grants.keys().next();
    if (!oldest.done) this.#grants.delete(oldest.value);
  }
}
