import type { ResumePoint } from "../delivery/attach.ts";
import type { AdmissionRequest } from "./admission.ts";
import type { Credential, Endpoint } from "./credentials.ts";

/** What a handshake asked for: the credential it carried, what its holder wants to be, and where it stands. */
export interface EntryRequest extends AdmissionRequest {
  readonly credential: Credential | null;
  readonly resume: ResumePoint | null;
}

/** The parameters of a handshake, from its query or from an `auth` frame. */
interface Parameters {
  get(name: string): string | null;
}

/** What `parameters` ask for at `endpoint`, with `credential`. */
export function entryRequest(endpoint: Endpoint, credential: Credential | null, parameters: Parameters): EntryRequest {
  return {
    endpoint,
    credential,
    role: parameters.get("role"),
    device: parameters.get("device"),
    clientId: parameters.get("client_id"),
    resume: resumePoint(parameters),
  };
}

/** The request of a first frame `{"type":"auth","message":{"token":…, …}}`, or null when it is none. */
export function parseAuthFrame(frame: string, endpoint: Endpoint): EntryRequest | null {
  const value = parseJson(frame);
  if (value?.type !== "auth" || typeof value.message !== "object" || value.message === null) return null;
  const members = value.message as Readonly<Record<string, unknown>>;
  if (typeof members.token !== "string" || members.token === "") return null;
  const parameters = {
    get: (name: string) => {
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      return typeof member === "string" || typeof member === "number" ? String(member) : null;
    },
  };
  return entryRequest(endpoint, { kind: "token", token: members.token }, parameters);
}

function resumePoint(parameters: Parameters): ResumePoint | null {
  const epoch = parameters.get("epoch");
  const seq = parameters.get("seq");
  if (!epoch || seq === null || !/^\d{1,15}$/.test(seq)) return null;
  return { epoch, seq: Number(seq), last: parameters.get("last") || null };
}

function parseJson(text: string): { readonly type?: unknown; readonly message?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}
