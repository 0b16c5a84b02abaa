import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import type { Clock } from "../platform/clock.ts";
import type { LastSeen } from "../presence/last-seen.ts";
import type { Device } from "../store/devices.ts";
import { audited } from "./audited.ts";
import { id, idempotencyKey, idOrNull, listOf, moment, name, paging, toIso } from "./fields.ts";
import { type Asker, creationKey, defineRoute, type HttpEnvironment } from "./route.ts";
import { isAdmin, ownOnly, requireOwn } from "./who-may.ts";

const DeviceItem = z
  .object({
    id: z.int(),
    name: z.string(),
    serial: z.string().nullable(),
    user_id: z.int().nullable(),
    is_primary: z.boolean(),
    online: z.boolean(),
    last_seen: moment().nullable(),
  })
  .openapi("Device");
const params = z.object({ device_id: id() });
const serial = () => name(100);

export const listDevices = defineRoute({
  method: "get",
  path: "/api/devices/",
  tag: "Devices",
  summary: "List devices",
  may: ["user"],
  query: paging,
  data: listOf(DeviceItem),
}).handle(async ({ query }, { principal }, environment) => {
  const { items, total } = await environment.store.devices.list(query, ownOnly(principal));
  return { items: await describe(items, environment), total };
});

export const createDevice = defineRoute({
  method: "post",
  path: "/api/devices/",
  tag: "Devices",
  summary: "Create a device",
  may: ["issuer"],
  status: 201,
  takesKey: true,
  body: z.object({
    name: name(),
    serial: serial().nullable().optional(),
    user_id: idOrNull().optional(),
    is_primary: z.boolean().optional(),
    idempotency_key: idempotencyKey(),
  }),
  data: DeviceItem,
}).handle(async ({ body }, asker, environment) => {
  await requireBindable(body.user_id, asker, environment);
  const { name: deviceName, serial: deviceSerial = null, user_id: userId = null, is_primary: isPrimary = false } = body;
  const told = ["device", deviceName, deviceSerial, userId, isPrimary];
  const { row: device, isNew } = await environment.store.devices.createOnce(
    { name: deviceName, serial: deviceSerial, userId, isPrimary },
    creationKey(asker, body.idempotency_key, told),
  );
  await environment.authority.catchUp();
  if (isNew) await audited(asker, environment, "device created", { device_id: device.id, user_id: device.user_id });
  return describeOne(device, environment);
});

export const readDevice = defineRoute({
  method: "get",
  path: "/api/devices/{device_id}/",
  tag: "Devices",
  summary: "Read a device",
  may: ["user"],
  params,
  data: DeviceItem,
}).handle(async ({ params: { device_id } }, { principal }, environment) => {
  const device = await environment.store.devices.find(device_id);
  if (device === undefined) throw new GatewayError("NOT_FOUND");
  requireOwn(principal, device.user_id);
  return describeOne(device, environment);
});

export const changeDevice = defineRoute({
  method: "patch",
  path: "/api/devices/{device_id}/",
  tag: "Devices",
  summary: "Rename, bind (`user_id`), unbind (`user_id: null`), or make a device its user's primary",
  may: [],
  params,
  body: z.object({
    name: name().optional(),
    serial: serial().nullable().optional(),
    user_id: idOrNull().optional(),
    is_primary: z.boolean().optional(),
  }),
  data: DeviceItem,
}).handle(async ({ params: { device_id }, body }, asker, environment) => {
  await requireBindable(body.user_id, asker, environment);
  const device = await environment.store.devices.change(device_id, {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.serial !== undefined && { serial: body.serial }),
    ...(body.user_id !== undefined && { userId: body.user_id }),
    ...(body.is_primary !== undefined && { isPrimary: body.is_primary }),
  });
  await environment.authority.catchUp();
  const fields = Object.keys(body);
  if (fields.length > 0) await audited(asker, environment, "device changed", { device_id, fields });
  return describeOne(device, environment);
});

export const eraseDevice = defineRoute({
  method: "delete",
  path: "/api/devices/{device_id}/",
  tag: "Devices",
  summary: "Erase a device with everything that belongs to it",
  may: [],
  params,
  data: z.object({ id: z.int() }),
}).handle(async ({ params: { device_id } }, asker, environment) => {
  if (!(await environment.store.devices.erase(device_id))) throw new GatewayError("NOT_FOUND");
  await environment.authority.catchUp();
  await audited(asker, environment, "device erased", { device_id });
  return { id: device_id };
});

/** A device sees its owner's messages: an issuer could read an admin's by binding one to them. */
async function requireBindable(
  userId: number | null | undefined,
  asker: Asker,
  { store }: HttpEnvironment,
): Promise<void> {
  if (userId === null || userId === undefined) return;
  const user = await store.users.find(userId);
  if (user === undefined) throw new GatewayError("NOT_FOUND", "no such user");
  if (user.is_admin === 1 && !isAdmin(asker.principal))
    throw new GatewayError("FORBIDDEN", "only an admin binds to an admin");
}

async function describeOne(device: Device, environment: HttpEnvironment): Promise<z.output<typeof DeviceItem>> {
  const [item] = await describe([device], environment);
  if (item === undefined) throw new GatewayError("NOT_FOUND");
  return item;
}

async function describe(
  devices: readonly Device[],
  { presence, lastSeen, clock }: HttpEnvironment,
): Promise<z.output<typeof DeviceItem>[]> {
  const connected = await presence.onlineDevices(devices.map(({ id }) => id));
  return devices.map((device) => toItem(device, connected.has(device.id), lastSeen, clock));
}

function toItem(device: Device, online: boolean, lastSeen: LastSeen, clock: Clock): z.output<typeof DeviceItem> {
  return {
    id: device.id,
    name: device.name,
    serial: device.serial,
    user_id: device.user_id,
    is_primary: device.is_primary === 1,
    online,
    last_seen: online ? clock.iso() : toIso(lastSeen.get(device.id) ?? device.last_seen),
  };
}
