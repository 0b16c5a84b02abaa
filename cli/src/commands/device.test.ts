import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  await sandbox.lty(["user", "create", "alice"]);
  await sandbox.lty(["user", "create", "bob"]);
});
afterAll(() => sandbox[Symbol.asyncDispose]());

test("an empty list is told, and is an empty array", async () => {
  expect((await sandbox.lty(["device", "list"])).stdout).toBe("There are no devices yet.\n");
  expect(await sandbox.json(["device", "list"])).toEqual([]);
});

test("create, for people and for programs", async () => {
  const { stdout } = await sandbox.lty(["device", "create", "Living room", "--user", "alice", "--primary"]);
  expect(stdout).toBe('Created device "Living room" (id 1), bound to alice as primary.\n');
  expect(await sandbox.json(["device", "create", "Kitchen", "--serial", "SN-2"])).toEqual({
    id: 2,
    name: "Kitchen",
    serial: "SN-2",
    user_id: null,
    is_primary: false,
    last_seen: null,
  });
});

test("bind gives, and makes primary only when told", async () => {
  expect((await sandbox.lty(["device", "bind", "2", "--user", "alice"])).stdout).toBe("Device 2 is bound to alice.\n");
  expect(await sandbox.json(["device", "bind", "2", "--user", "alice", "--primary"])).toMatchObject({
    id: 2,
    user_id: 1,
    is_primary: true,
  });
  expect(await sandbox.json(["device", "list"])).toMatchObject([
    { id: 1, user_id: 1, is_primary: false },
    { id: 2, user_id: 1, is_primary: true },
  ]);
});

test("a device that is bound again to the same user stays primary", async () => {
  expect((await sandbox.lty(["device", "bind", "2", "--user", "alice"])).stdout).toBe(
    "Device 2 is bound to alice as primary.\n",
  );
});

test("unbind takes it away", async () => {
  expect((await sandbox.lty(["device", "unbind", "2"])).stdout).toBe("Device 2 is bound to nobody.\n");
  expect((await sandbox.lty(["device", "list"])).stdout).toBe(
    [
      "ID  NAME         SERIAL  USER  PRIMARY  LAST SEEN",
      "1   Living room  –       1     –        –",
      "2   Kitchen      SN-2    –     –        –",
      "",
    ].join("\n"),
  );
});
