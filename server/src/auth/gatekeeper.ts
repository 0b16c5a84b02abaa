import { Close, type ErrorCode, GatewayError } from "@qy-lty/protocol";
import { type Attacher, type Attachment, consumerOf, type ResumePoint } from "../delivery/attach.ts";
import type { Claims } from "../delivery/claims.ts";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Registry } from "../session/registry.ts";
import type { Session } from "../session/session.ts";
import type { Devices } from "../store/devices.ts";
import type { CredentialRecord } from "../store/store.ts";
import { type Admission, type AdmissionRules, admit } from "./admission.ts";
import type { Authenticator } from "./authenticator.ts";
import { type EntryRequest, parseAuthFrame } from "./entry.ts";
import type { DevicePrincipal } from "./principal.ts";
import type { Refusals } from "./refusals.ts";
import type { Tickets } from "./tickets.ts";

/** How long a client may take to say who it is in its first frame, milliseconds. */
const FIRST_FRAME_MS = 5_000;

export interface GatekeeperParts {
  readonly authenticator: Authenticator;
  readonly tickets: Tickets;
  readonly refusals: Refusals;
  readonly devices: Devices;
  readonly registry: Registry;
  readonly attacher: Attacher;
  /** Where several nodes share the log. */
  readonly claims?: Claims | null;
  readonly rules: AdmissionRules;
  readonly clock: Clock;
  readonly events: Events;
}

/** A session that may come in, with what it receives. */
interface Entry {
  readonly admission: Admission;
  readonly attachment: Attachment | null;
}

/** Lets sessions in or refuses them, right after the upgrade. */
export class Gatekeeper {
  constructor(private readonly parts: GatekeeperParts) {}

  /** Ends in `session.letIn` or `session.refuse`: at once where the database answers at once. */
  admit(session: Session, request: EntryRequest): void {
    const { credential } = request;
    if (credential === null && session.isReliable) {
      this.#awaitCredential(session, request);
      return;
    }
    const token = credential?.kind === "token" ? credential.token : null;
    if (token !== null && this.#refusedBefore(session, token, request)) return;
    try {
      const entry = this.#decide(session, request);
      if (!(entry instanceof Promise)) {
        this.#letIn(session, entry, false);
        return;
      }
      session.hold();
      entry.then(
        (decided) => this.#letIn(session, decided, true),
        (error: unknown) => this.#refuse(session, token, request, error),
      );
    } catch (error) {
      this.#refuse(session, token, request, error);
    }
  }

  /** The credential comes in the first frame, which keeps it out of URLs. */
  #awaitCredential(session: Session, { endpoint }: EntryRequest): void {
    const refuse = (why: string) => session.refuse(new GatewayError("UNAUTHENTICATED", why));
    const deadline = this.parts.clock.after(FIRST_FRAME_MS, () => refuse("no credential came within 5 s"));
    session.awaitFirstFrame((frame) => {
      deadline.stop();
      this.parts.events.counts.authsReceived += 1;
      const request = parseAuthFrame(frame, endpoint);
      if (request === null) refuse("the first frame must be an auth frame with a token");
      else this.admit(session, request);
    });
  }

  #decide(session: Session, request: EntryRequest): Entry | Promise<Entry> {
    const admission = this.#authenticate(request);
    return admission instanceof Promise
      ? admission.then((admitted) => this.#attach(session, admitted, request))
      : this.#attach(session, admission, request);
  }

  /** Finds what the session receives; a device's older reliable connection ends first, so that its cursor stands still. */
  #attach(session: Session, admission: Admission, { clientId, resume }: EntryRequest): Entry | Promise<Entry> {
    this.#takeOver(session, admission);
    const key = consumerOf(admission, clientId);
    if (key === null) return { admission, attachment: null };
    const point = session.isReliable ? resume : null;
    const { claims, attacher, registry } = this.parts;
    if (claims) {
      registry.arriving(session, admission);
      return this.#claim(claims, session, admission, key, point);
    }
    const attachment = attacher.attach(key, point);
    if (!(attachment instanceof Promise)) return { admission, attachment };
    // Until then its credential may be taken back, or its device change hands.
    registry.arriving(session, admission);
    return attachment.then((attached) => ({ admission, attachment: attached }));
  }

  /** Takes the consumer from whatever node had it before its cursor is looked at. */
  async #claim(
    claims: Claims,
    session: Session,
    admission: Admission,
    key: NonNullable<ReturnType<typeof consumerOf>>,
    resume: ResumePoint | null,
  ): Promise<Entry> {
    try {
      const isTold = await claims.take(session, key, session.isReliable && admission.role === "device");
      return { admission, attachment: await this.parts.attacher.attach(key, resume, isTold) };
    } finally {
      claims.settled(key);
    }
  }

  #takeOver(session: Session, { role, deviceId }: Admission): void {
    if (!session.isReliable || role !== "device" || deviceId === null) return;
    this.parts.registry.devices.each(deviceId, (older) => {
      if (older.isReliable && older.admission?.role === "device") older.close(Close.replaced);
    });
  }

  #authenticate(request: EntryRequest): Admission | Promise<Admission> {
    const { credential } = request;
    if (credential === null) throw new GatewayError("UNAUTHENTICATED", "no credential was presented");
    if (credential.kind === "ticket") return this.#redeem(credential.ticket, request);
    const found = this.parts.authenticator.byToken(credential.token);
    return found instanceof Promise
      ? found.then((record) => this.#judge(record, request))
      : this.#judge(found, request);
  }

  #judge(record: CredentialRecord | null, request: EntryRequest): Admission | Promise<Admission> {
    if (record === null) throw new GatewayError("UNAUTHENTICATED", "the credential is unknown, expired or revoked");
    return admit(record, request, this.parts.devices, this.parts.rules);
  }

  /** A ticket is as good as the token it was made with still is. */
  async #redeem(ticket: string, request: EntryRequest): Promise<Admission> {
    const grant = await this.parts.tickets.redeem(ticket);
    const record = grant && (await this.parts.authenticator.byTokenId(grant.tokenId));
    if (!grant || !record) throw new GatewayError("UNAUTHENTICATED", "the ticket is unknown, used or expired");
    if (grant.deviceId === null) return this.#judge(record, request);
    const principal = await this.#deviceOf(record, grant.deviceId);
    return admit({ ...record, principal }, request, this.parts.devices, this.parts.rules);
  }

  async #deviceOf({ principal }: CredentialRecord, deviceId: number): Promise<DevicePrincipal> {
    const device = await this.parts.devices.find(deviceId);
    const may =
      principal.kind === "user"
        ? principal.isAdmin || device?.user_id === principal.userId
        : principal.kind === "device" && principal.deviceId === deviceId;
    if (device === undefined || !may) throw new GatewayError("FORBIDDEN", "this device is not yours");
    return { kind: "device", deviceId, name: device.name, userId: device.user_id };
  }

  #letIn(session: Session, { admission, attachment }: Entry, held: boolean): void {
    // It may have left while it was held.
    if (session.isClosed) return;
    // Another of the device may have come in while it was held.
    if (held) this.#takeOver(session, admission);
    session.letIn(admission, attachment, held);
    this.parts.events.connectionOpened(session);
    if (admission.role === "user" && admission.deviceId === null) this.parts.events.noBoundDevice(session);
  }

  #refuse(session: Session, token: string | null, request: EntryRequest, error: unknown): void {
    const known =
      error instanceof GatewayError ? error : new GatewayError("INTERNAL_ERROR", undefined, { cause: error });
    if (known.code === "INTERNAL_ERROR") this.parts.events.internalError(error, newId(), session.id);
    else if (token !== null) this.parts.refusals.record(token, session.remote, 0, askedFor(known.code, request));
    session.refuse(known);
  }

  /** Holds back a refusal that was said too often, with the code it was said with. */
  #refusedBefore(session: Session, token: string, request: EntryRequest): boolean {
    if (this.parts.refusals.isEmpty) return false;
    for (const code of REFUSALS) {
      const asked = askedFor(code, request);
      const delayMs = this.parts.refusals.delayFor(token, session.remote, asked);
      if (delayMs === 0) continue;
      this.parts.refusals.record(token, session.remote, delayMs, asked);
      session.hold();
      this.parts.clock.after(delayMs, () => session.refuse(new GatewayError(code, "refused before; stop retrying it")));
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
