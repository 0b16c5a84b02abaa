import type { Device } from "@qy-lty/server/store/devices.ts";
import type { Store } from "@qy-lty/server/store/store.ts";
import type { Command } from "commander";
import { id, name, serial } from "../arguments.ts";
import { everyItem, note, withStore } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand, addGroup } from "../program.ts";
import { toIso, toMinute } from "../time.ts";
import { findUser } from "./user.ts";

interface CreateOptions extends OutputOptions {
  readonly serial?: string;
  readonly user?: string;
  readonly primary?: boolean;
}

interface BindOptions extends OutputOptions {
  readonly user: string;
  readonly primary?: boolean;
}

/** `lty device …` */
export function deviceCommands(program: Command): void {
  const devices = addGroup(program, "device", "Create, list, bind and unbind devices");

  addCommand(devices, "create", "Create a device", 'lty device create "Living room" --user alice --primary')
    .argument("<name>", "1 to 150 characters", name)
    .option("--serial <serial>", "what its maker calls it; no other device's", serial)
    .option("--user <name>", "bind it to this user")
    .option("--primary", "make it the user's primary device, in place of the one that is")
    .action((deviceName: string, options: CreateOptions) => {
      if (options.primary && options.user === undefined)
        throw new UsageError("--primary needs --user: whose primary device?");
      return withStore(async (store) => {
        const device = await store.devices.create({
          name: deviceName,
          serial: options.serial ?? null,
          userId: options.user === undefined ? null : (await findUser(store, options.user)).id,
          isPrimary: options.primary ?? false,
        });
        await note(store, "device created", { device_id: device.id, user_id: device.user_id });
        show(options, toItem(device), () => {
          const bound = options.user === undefined ? "" : `, ${boundTo(device, options.user)}`;
          return `Created device "${deviceName}" (id ${device.id})${bound}.`;
        });
      });
    });

  addCommand(devices, "list", "List devices", "lty device list").action((options: OutputOptions) =>
    withStore(async (store) => {
      const found = await everyItem((page) => store.devices.list(page));
      show(options, found.map(toItem), () => (found.length === 0 ? "There are no devices yet." : toTable(found)));
    }),
  );

  addCommand(devices, "bind", "Give a device to a user", "lty device bind 3 --user alice --primary")
    .usage("<id> --user <name> [options]")
    .argument("<id>", "the device's id", id)
    .requiredOption("--user <name>", "the user's name")
    .option("--primary", "make it the user's primary device, in place of the one that is")
    .action((deviceId: number, options: BindOptions) =>
      withStore(async (store) => {
        await findDevice(store, deviceId);
        const { id: userId } = await findUser(store, options.user);
        const device = await store.devices.change(deviceId, { userId, ...(options.primary && { isPrimary: true }) });
        const fields = ["user_id", ...(options.primary ? ["is_primary"] : [])];
        await note(store, "device changed", { device_id: deviceId, fields });
        show(options, toItem(device), () => `Device ${deviceId} is ${boundTo(device, options.user)}.`);
      }),
    );

  addCommand(devices, "unbind", "Take a device from its user", "lty device unbind 3")
    .argument("<id>", "the device's id", id)
    .action((deviceId: number, options: OutputOptions) =>
      withStore(async (store) => {
        await findDevice(store, deviceId);
        const device = await store.devices.change(deviceId, { userId: null, isPrimary: false });
        await note(store, "device changed", { device_id: deviceId, fields: ["user_id"] });
        show(options, toItem(device), () => `Device ${deviceId} is bound to nobody.`);
      }),
    );
}

/** @throws UsageError when there is none with that id */
export async function findDevice(store: Store, deviceId: number): Promise<Device> {
  const device = await store.devices.find(deviceId);
  if (device === undefined) throw new UsageError(`there is no device ${deviceId}; \`lty device list\` shows them all`);
  return device;
}

function boundTo(device: Device, username: string): string {
  return `bound to ${username}${device.is_primary ? " as primary" : ""}`;
}

/** As the API shows it, but for what only a server knows: whether it is online. */
function toItem(device: Device) {
  return {
    id: device.id,
    name: device.name,
    serial: device.serial,
    user_id: device.user_id,
    is_primary: device.is_primary === 1,
    last_seen: toIso(device.last_seen),
  };
}

function toTable(devices: readonly Device[]): string {
  return table(
    ["ID", "NAME", "SERIAL", "USER", "PRIMARY", "LAST SEEN"],
    devices.map((device) => [
      String(device.id),
      device.name,
      device.serial ?? "–",
      String(device.user_id ?? "–"),
      device.is_primary ? "yes" : "–",
      toMinute(device.last_seen),
    ]),
  );
}
