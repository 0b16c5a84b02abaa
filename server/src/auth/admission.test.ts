import { describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import type { Devices } from "../store/devices.ts";
import { type AdmissionRequest, admit } from "./admission.ts";
import type { Principal } from "./principal.ts";

const anna: Principal = { kind: "user", userId: 1, username: "anna", isAdmin: false };
const admin: Principal = { kind: "user", userId: 9, username: "root", isAdmin: true };
const speaker: Principal = { kind: "device", deviceId: 3, name: "speaker", userId: 1 };
const unowned: Principal = { kind: "device", deviceId: 4, name: "new", userId: null };
const backend: Principal = { kind: "service", serviceId: 1, name: "backend", mayIssueTokens: true };

/** Device 3 is Anna's primary, 5 her other, 6 somebody else's, 4 nobody's. */
const owners: Readonly<Record<number, number | null>> = { 3: 1, 5: 1, 6: 2, 4: null };
const devices = {
  find: async (id: number) => (id in owners ? { id, user_id: owners[id] } : undefined),
} as unknown as Devices;

interface Asked extends Partial<AdmissionRequest> {
  readonly primary?: number | null;
  readonly requireDevice?: boolean;
}

async function outcome(
  principal: Principal,
  { primary = 3, requireDevice = false, ...request }: Asked,
): Promise<unknown> {
  const record = { tokenId: 77, principal, primaryDeviceId: primary, expiresAt: 123, refused: false };
  const asked = { endpoint: {}, role: null, device: null, clientId: null, ...request };
  try {
    const { role, userId, deviceId, ...rest } = await admit(record, asked, devices, { requireDevice });
    expect(rest).toEqual({ principal, tokenId: 77, expiresAt: 123 });
    return [role, userId, deviceId];
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return (error as GatewayError).code;
  }
}

describe("admit", () => {
  test.each<[string, Principal, Asked, [string, number | null, number | null]]>([
    ["a user without a role stands for their primary device", anna, {}, ["user", 1, 3]],
    ["a user without a device", anna, { primary: null }, ["user", 1, null]],
    ["a user where a device is required", anna, { requireDevice: true }, ["user", 1, 3]],
    ["an app", anna, { role: "app" }, ["app", 1, null]],
    ["an app needs no device", anna, { role: "app", primary: null, requireDevice: true }, ["app", 1, null]],
    ["an app that names itself", anna, { role: "app", clientId: "Phone_1-a" }, ["app", 1, null]],
    ["a user's own device", anna, { role: "device", device: "5" }, ["device", 1, 5]],
    ["a user's path", anna, { endpoint: { userId: 1 } }, ["user", 1, 3]],
    ["a device", speaker, {}, ["device", 1, 3]],
    ["a device that says so", speaker, { role: "device", device: "3" }, ["device", 1, 3]],
    ["a device on its owner's path", speaker, { endpoint: { userId: 1 } }, ["device", 1, 3]],
    ["a device that nobody owns", unowned, {}, ["device", null, 4]],
    ["an admin is a user like any other", admin, { primary: null }, ["user", 9, null]],
  ])("%s", async (_, principal, asked, expected) => {
    expect(await outcome(principal, asked)).toEqual(expected);
  });

  test.each<[string, Principal, Asked, string]>([
    ["no device where one is required", anna, { primary: null, requireDevice: true }, "NO_DEVICE"],
    ["a service", backend, {}, "FORBIDDEN"],
    ["another user's path", anna, { endpoint: { userId: 2 } }, "FORBIDDEN"],
    ["an admin on another user's path", admin, { endpoint: { userId: 1 } }, "FORBIDDEN"],
    ["a device on another user's path", speaker, { endpoint: { userId: 2 } }, "FORBIDDEN"],
    ["a device that nobody owns on a user's path", unowned, { endpoint: { userId: 1 } }, "FORBIDDEN"],
    ["an unknown role", anna, { role: "admin" }, "FORBIDDEN"],
    ["an empty role", anna, { role: "" }, "FORBIDDEN"],
    ["the role in other letters", anna, { role: "App" }, "FORBIDDEN"],
    ["a role that only we give", anna, { role: "user" }, "FORBIDDEN"],
    ["a device role without a device", anna, { role: "device" }, "FORBIDDEN"],
    ["another user's device", anna, { role: "device", device: "6" }, "FORBIDDEN"],
    ["nobody's device", anna, { role: "device", device: "4" }, "FORBIDDEN"],
    ["an admin as another user's device", admin, { role: "device", device: "6" }, "FORBIDDEN"],
    ["a device that is not there", anna, { role: "device", device: "999" }, "FORBIDDEN"],
    ...["", "0", "-3", "3.0", "3 ", "03", "0x3", "3e0", "99999999999999999999"].map(
      (device): [string, Principal, Asked, string] => [
        `device=${device}`,
        anna,
        { role: "device", device },
        "FORBIDDEN",
      ],
    ),
    ["a device as an app", speaker, { role: "app" }, "FORBIDDEN"],
    ["a device as another", speaker, { role: "device", device: "5" }, "FORBIDDEN"],
    ["a device as another, without a role", speaker, { device: "5" }, "FORBIDDEN"],
    ...["", "a b", "a/b", "ä", "a\n", "x".repeat(65)].map((clientId): [string, Principal, Asked, string] => [
      `client_id=${JSON.stringify(clientId)}`,
      anna,
      { role: "app", clientId },
      "FORBIDDEN",
    ]),
    ["a bad client_id of a device", speaker, { clientId: "a b" }, "FORBIDDEN"],
  ])("refuses %s", async (_, principal, asked, code) => {
    expect(await outcome(principal, asked)).toBe(code);
  });
});
