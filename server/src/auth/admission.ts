import { GatewayError } from "@qy-lty/protocol";
import type { Device, Devices } from "../store/devices.ts";
import type { CredentialRecord } from "../store/store.ts";
import type { Endpoint } from "./credentials.ts";
import type { Principal } from "./principal.ts";

/** What a connection is: `app` receives a user's inbox, `device` a device's messages, `user` both, as the original system did. */
export type Role = "app" | "device" | "user";

/** A connection that was let in. */
export interface Admission {
  readonly principal: Principal;
  readonly role: Role;
  /** Whose messages it receives; null for a device nobody owns yet. */
  readonly userId: number | null;
  /** Which device's messages it receives, or null. */
  readonly deviceId: number | null;
  readonly tokenId: number;
  /** When the credential expires, milliseconds since the epoch, or null. */
  readonly expiresAt: number | null;
}

/** What a client asked for beside presenting a credential. */
export interface AdmissionRequest {
  readonly endpoint: Endpoint;
  readonly role: string | null;
  readonly device: string | null;
  readonly clientId: string | null;
}

export interface AdmissionRules {
  /** `LTY_REQUIRE_DEVICE` */
  readonly requireDevice: boolean;
}

const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const DEVICE_ID = /^[1-9]\d{0,14}$/;

/**
 * What the holder of a checked credential may be here.
 * @throws GatewayError `FORBIDDEN` (close 4003), `NO_DEVICE` (close 4002)
 */
export function admit(
  record: CredentialRecord,
  request: AdmissionRequest,
  devices: Devices,
  rules: AdmissionRules,
): Admission | Promise<Admission> {
  const { principal, tokenId, expiresAt } = record;
  if (request.clientId !== null && !CLIENT_ID.test(request.clientId)) {
    throw new GatewayError("FORBIDDEN", "client_id must be 1 to 64 letters, digits, _ or -");
  }
  if (principal.kind === "service") throw new GatewayError("FORBIDDEN", "a service token opens no socket");
  if (request.endpoint.userId !== undefined && request.endpoint.userId !== principal.userId) {
    throw new GatewayError("FORBIDDEN", "this path belongs to another user");
  }
  if (principal.kind === "device") {
    refuseForeignRole(principal.deviceId, request);
    return { principal, role: "device", userId: principal.userId, deviceId: principal.deviceId, tokenId, expiresAt };
  }
  const { userId } = principal;
  switch (request.role) {
    case null: {
      const deviceId = record.primaryDeviceId;
      if (deviceId === null && rules.requireDevice) throw new GatewayError("NO_DEVICE");
      return { principal, role: "user", userId, deviceId, tokenId, expiresAt };
    }
    case "app":
      return { principal, role: "app", userId, deviceId: null, tokenId, expiresAt };
    case "device":
      return ownDevice(userId, request.device, devices).then((device) => ({
        principal,
        role: "device",
        userId,
        deviceId: device.id,
        tokenId,
        expiresAt,
      }));
    default:
      throw new GatewayError("FORBIDDEN", "role must be app or device");
  }
}

/** A device token is that device and nothing else; saying so is fine. */
function refuseForeignRole(deviceId: number, { role, device }: AdmissionRequest): void {
  if (role !== null && role !== "device") throw new GatewayError("FORBIDDEN", "a device token is the device");
  if (device !== null && device !== String(deviceId)) {
    throw new GatewayError("FORBIDDEN", "this token belongs to another device");
  }
}

async function ownDevice(userId: number, id: string | null, devices: Devices): Promise<Device> {
  if (id === null || !DEVICE_ID.test(id)) throw new GatewayError("FORBIDDEN", "role=device needs device=<id>");
  const device = await devices.find(Number(id));
  if (device?.user_id !== userId) throw new GatewayError("FORBIDDEN", "this device is not yours");
  return device;
}
