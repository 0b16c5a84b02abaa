import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure } from "./support/expect.ts";
import { companion, household } from "./support/people.ts";
import {
  acknowledge,
  app,
  expectSkip,
  frameOf,
  type Pushed,
  push,
  pushMany,
  pushToDevice,
  quiet,
  range,
  reliable,
  standing,
  states,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

const PRIMARY = { is_primary: true };

let server: TestServer;
let hasty: TestServer;

beforeAll(async () => {
  [server, hasty] = await Promise.all([TestServer.start(), TestServer.start({ LTY_MESSAGE_TTL_S: "1" })]);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), hasty[Symbol.asyncDispose]()]));

/** Lifetimes are whole seconds of the server's own clock, so that one has to pass. */
async function expiryOf(message: Pick<Pushed, "message_id">, on = server): Promise<void> {
  const { expires_at } = await on.data<{ expires_at: string }>("GET", `/api/messages/${message.message_id}/`);
  await Bun.sleep(Math.max(0, Date.parse(expires_at) - Date.now()) + 5);
}

describe("skip filtered", () => {
  test("says that what came between is for another device; acknowledged with what is before it", async () => {
    const { user, device } = await household(server, PRIMARY);
    const other = await companion(server, user);
    const first = await push(server, user, "for all");
    for (const n of range(2, 4)) await pushToDevice(server, device, n);
    const last = await push(server, user, "for all again");
    {
      using socket = await reliable(server, other);
      const frames = await quiet(socket);
      expect(frames[0]).toEqual(frameOf(first, "for all"));
      expect(frames.at(-1)).toEqual(frameOf(last, "for all again"));
      const skips = frames.slice(1, -1);
      expect(skips.every(({ type, reason }) => type === "skip" && reason === "filtered")).toBe(true);
      expectSkip(skips.at(-1), 4, "filtered");
      await acknowledge(socket, 1);
    }
    using again = await reliable(server, other);
    // With the first, everything up to the next message is done.
    expect(standing(again)).toEqual({ consumer: `device:${other.id}`, acked: 4, top: 5, resumed: false });
    expect(await again.next()).toMatchObject({ seq: 5, redelivered: true });
  });

  test("needs no acknowledgement where nothing is before it", async () => {
    const { user, device } = await household(server, PRIMARY);
    const other = await companion(server, user);
    using phone = await app(server, user, "phone");
    const pushed = await pushToDevice(server, device, "hers alone");
    {
      using socket = await reliable(server, other);
      expectSkip(await socket.next(), pushed.seq, "filtered");
      expectSkip(await phone.next(), pushed.seq, "filtered");
    }
    using again = await reliable(server, other);
    expect(again.greeting.acked).toBe(pushed.seq);
    expect(await states(server, pushed)).toEqual({
      [`device:${device.id}`]: "pending",
      [`device:${other.id}`]: "filtered",
      [`app:${user.id}:phone`]: "filtered",
    });
  });

  test("is not what a user without a role gets for the primary device, but for any other", async () => {
    const { user, device } = await household(server, PRIMARY);
    const other = await companion(server, user);
    const mine = await pushToDevice(server, device, "primary");
    const theirs = await pushToDevice(server, other, "other");
    using socket = await reliable(server, user);
    expect(await socket.next()).toEqual(frameOf(mine, "primary"));
    expectSkip(await socket.next(), theirs.seq, "filtered");
  });

  test("is said to no client of the original document, for whom it is nothing", async () => {
    const { user } = await household(server, PRIMARY);
    const other = await companion(server, user);
    await pushToDevice(server, other, "other");
    const pushed = await push(server, user, "for all");
    using socket = await TestSocket.open(server.wsUrl, user);
    const { seq, ...frame } = frameOf(pushed, "for all");
    expect(seq).toBe(2);
    expect(await socket.next()).toEqual(frame as never);
  });
});

describe("what has expired", () => {
  test("before it was sent is passed over, and said so", async () => {
    const { user, device } = await household(server, PRIMARY);
    const pushed = await push(server, user, "short", { ttl: 1 });
    const kept = await push(server, user, "long");
    await expiryOf(pushed);
    expect(await states(server, pushed)).toEqual({ [`device:${device.id}`]: "expired" });
    using socket = await reliable(server, device);
    expectSkip(await socket.next(), 1, "expired");
    expect(await socket.next()).toEqual(frameOf(kept, "long"));
  });

  test("while it was waiting to be acknowledged comes no second time", async () => {
    const { user, device } = await household(server, PRIMARY);
    // Long enough to be received on a busy machine.
    const pushed = await push(server, user, "short", { ttl: 4 });
    {
      using socket = await reliable(server, device);
      expect(await socket.next()).toMatchObject({ seq: 1, message: "short" });
      await expiryOf(pushed);
    }
    using again = await reliable(server, device);
    expectSkip(await again.next(), 1, "expired");
    expect(await quiet(again)).toEqual([]);
  });

  test("is said as the last thing too, so that a client can see that it has everything", async () => {
    const { user, device } = await household(hasty, PRIMARY);
    const [, , last] = await pushMany(hasty, user, 3);
    await expiryOf(last as Pushed, hasty);
    using socket = await reliable(hasty, device);
    const frames = await quiet(socket);
    expect(frames.every(({ type, reason }) => type === "skip" && reason === "expired")).toBe(true);
    expectSkip(frames.at(-1), 3, "expired");
  });

  test("was kept for LTY_MESSAGE_TTL_S where it says nothing itself, else for its ttl", async () => {
    const { user } = await household(hasty, PRIMARY);
    const lifetime = async (more = {}) => {
      const { message_id } = await push(hasty, user, "x", more);
      const told = await hasty.data<Record<string, string>>("GET", `/api/messages/${message_id}/`);
      return Date.parse(told.expires_at ?? "") - Date.parse(told.created_at ?? "");
    };
    expect(await lifetime()).toBe(1_000);
    expect(await lifetime({ ttl: 3_600 })).toBe(3_600_000);
  });
});

describe("ttl", () => {
  test("0 is for who is there now: no seq, kept nowhere", async () => {
    const { user, device } = await household(server, PRIMARY);
    using socket = await reliable(server, device);
    using plain = await TestSocket.open(server.wsUrl, user);
    const pushed = await push(server, user, "now", { ttl: 0 });
    expect(pushed.seq as number | null).toBeNull();
    for (const each of [socket, plain]) {
      const frame = await each.next();
      expect(frame).toMatchObject({ message: "now", message_id: pushed.message_id });
      expect(frame).not.toHaveProperty("seq");
    }
    expectFailure(await server.api("GET", `/api/messages/${pushed.message_id}/`), 404, "NOT_FOUND");
    using later = await reliable(server, device);
    expect(later.greeting.top).toBe(0);
  });

  test("that is no number of seconds from 0 to a year is 422", async () => {
    const { user } = await household(server, PRIMARY);
    for (const ttl of [-1, 0.5, "60", true, 31_536_001, Number.POSITIVE_INFINITY, {}]) {
      const raw = JSON.stringify({ type: "note", message: "x", user_id: user.id, ttl }).replace("null", "1e400");
      expectFailure(await server.api("POST", "/api/messages/", { raw }), 422, "INVALID_VALUE");
    }
  });

  test("does not keep broadcasts: they carry no seq", async () => {
    const { device } = await household(server, PRIMARY);
    using socket = await reliable(server, device);
    await server.data("POST", "/api/broadcast/", { type: "note", message: "all" });
    const frame = await socket.next();
    expect(frame).toMatchObject({ type: "note", message: "all" });
    expect(frame).not.toHaveProperty("seq");
  });
});
