import { type ErrorCode, GatewayError } from "@qy-lty/protocol";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Session } from "../session/session.ts";
import type { Devices } from "../store/devices.ts";
import type { CredentialRecord } from "../store/store.ts";
import { type Admission, type AdmissionRequest, type AdmissionRules, admit } from "./admission.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Credential } from "./credentials.ts";
import type { DevicePrincipal } from "./principal.ts";
import type { Refusals } from "./refusals.ts";
import type { Tickets } from "./tickets.ts";

/** What a handshake asked for: the credential it carried, and what its holder wants to be. */
export interface EntryRequest extends AdmissionRequest {
  readonly credential: Credential | null;
}

/** Lets sessions in or refuses them, right after the upgrade. */
export class Gatekeeper {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly tickets: Tickets,
    private readonly refusals: Refusals,
    private readonly devices: Devices,
    private readonly rules: AdmissionRules,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  /** Ends in `session.letIn` or `session.refuse`: at once where the database answers at once. */
  admit(session: Session, request: EntryRequest): void {
    const { credential } = request;
    const token = credential?.kind === "token" ? credential.token : null;
    if (token !== null && this.#refusedBefore(session, token, request)) return;
    try {
      const admission = this.#decide(request);
      if (!(admission instanceof Promise)) {
        this.#letIn(session, admission, false);
        return;
      }
      session.hold();
      admission.then(
        (decided) => this.#letIn(session, decided, true),
        (error: unknown) => this.#refuse(session, token, request, error),
      );
    } catch (error) {
      this.#refuse(session, token, request, error);
    }
  }

  #decide(request: EntryRequest): Admission | Promise<Admission> {
    const { credential } = request;
    if (credential === null) throw new GatewayError("UNAUTHENTICATED", "no credential was presented");
    if (credential.kind === "ticket") return this.#redeem(credential.ticket, request);
    const found = this.authenticator.byToken(credential.token);
    return found instanceof Promise
      ? found.then((record) => this.#judge(record, request))
      : this.#judge(found, request);
  }

  #judge(record: CredentialRecord | null, request: EntryRequest): Admission | Promise<Admission> {
    if (record === null) throw new GatewayError("UNAUTHENTICATED", "the credential is unknown, expired or revoked");
    return admit(record, request, this.devices, this.rules);
  }

  /** A ticket is as good as the token it was made with still is. */
  async #redeem(ticket: string, request: EntryRequest): Promise<Admission> {
    const grant = this.tickets.redeem(ticket);
    const record = grant && (await this.authenticator.byTokenId(grant.tokenId));
    if (!grant || !record) throw new GatewayError("UNAUTHENTICATED", "the ticket is unknown, used or expired");
    if (grant.deviceId === null) return this.#judge(record, request);
    const principal = await this.#deviceOf(record, grant.deviceId);
    return admit({ ...record, principal }, request, this.devices, this.rules);
  }

  async #deviceOf({ principal }: CredentialRecord, deviceId: number): Promise<DevicePrincipal> {
    const device = await this.devices.find(deviceId);
    const may =
      principal.kind === "user"
        ? principal.isAdmin || device?.user_id === principal.userId
        : principal.kind === "device" && principal.deviceId === deviceId;
    if (device === undefined || !may) throw new GatewayError("FORBIDDEN", "this device is not yours");
    return { kind: "device", deviceId, name: device.name, userId: device.user_id };
  }

  #letIn(session: Session, admission: Admission, held: boolean): void {
    // It may have left while it was held.
    if (session.isClosed) return;
    session.letIn(admission, held);
    this.events.connectionOpened(session);
    if (admission.role === "user" && admission.deviceId === null) this.events.noBoundDevice(session);
  }

  #refuse(session: Session, token: string | null, request: EntryRequest, error: unknown): void {
    const known =
      error instanceof GatewayError ? error : new GatewayError("INTERNAL_ERROR", undefined, { cause: error });
    if (known.code === "INTERNAL_ERROR") this.events.internalError(error, newId(), session.id);
    else if (token !== null) this.refusals.record(token, session.remote, 0, askedFor(known.code, request));
    session.refuse(known);
  }

  /** Holds back a refusal that was said too often, with the code it was said with. */
  #refusedBefore(session: Session, token: string, request: EntryRequest): boolean {
    for (const code of REFUSALS) {
      const asked = askedFor(code, request);
      const delayMs = this.refusals.delayFor(token, session.remote, asked);
      if (delayMs === 0) continue;
      this.refusals.record(token, session.remote, delayMs, asked);
      session.hold();
      this.clock.after(delayMs, () => session.refuse(new GatewayError(code, "refused before; stop retrying it")));
      return true;
    }
    return false;
  }
}

/** What a credential is refused with. */
const REFUSALS = ["UNAUTHENTICATED", "FORBIDDEN", "NO_DEVICE"] as const;

/** What a refusal is remembered for: a bad token is bad whatever it asks for, a good one only where it may not go. */
function askedFor(code: ErrorCode, { endpoint, role, device, clientId }: EntryRequest): string {
  return code === "UNAUTHENTICATED" ? "" : `${code} ${JSON.stringify([endpoint.userId, role, device, clientId])}`;
}
