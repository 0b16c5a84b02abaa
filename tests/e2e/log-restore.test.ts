import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFile, rm } from "node:fs/promises";
import { companion, person } from "./support/people.ts";
import {
  acknowledge,
  app,
  type Pushed,
  push,
  pushMany,
  range,
  reliable,
  seqs,
  standing,
  states,
  take,
  whereabouts,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import type { TestSocket } from "./support/socket.ts";

let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

const copy = () => `${server.database}.older`;

/** Stops the server, which leaves one file, and keeps a copy of it. */
async function keepCopy(): Promise<void> {
  await server.end("SIGTERM");
  await copyFile(server.database, copy());
  await server.serve();
}

/** Stops the server and puts the older file in the place of what it has. */
async function restoreCopy(signal: NodeJS.Signals): Promise<void> {
  await server.end(signal);
  for (const suffix of ["-wal", "-shm"]) await rm(server.database + suffix, { force: true });
  await copyFile(copy(), server.database);
  await server.serve();
}

/** Receives and acknowledges up to `seq`; answers the last frame, which is where the client stands. */
async function handle(socket: TestSocket, upTo: number): Promise<Pushed> {
  const frames = await take(socket, upTo - Number(socket.greeting.acked));
  await acknowledge(socket, upTo);
  return frames.at(-1) as unknown as Pushed;
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  describe(`an older database file in the place of one that ended by ${signal}`, () => {
    test("is noticed by every client that was further: it gets a reset, and then what there is", async () => {
      const user = await person(server);
      const devices = [await companion(server, user), await companion(server, user)];
      const old = await pushMany(server, user, 5);
      const before: { token: string; where: Record<string, string> }[] = [];
      await keepCopy();
      await pushMany(server, user, 5);
      for (const { token } of devices) {
        using socket = await reliable(server, { token });
        before.push({ token, where: whereabouts(socket, await handle(socket, 10)) });
      }
      await restoreCopy(signal);

      const epochs = new Set<unknown>();
      for (const { token, where } of before) {
        using socket = await reliable(server, { token, query: where });
        expect(socket.greeting).toMatchObject({ acked: 0, top: 5, resumed: false });
        epochs.add(socket.greeting.epoch);
        const reset = await socket.next();
        expect(reset).toMatchObject({ type: "reset", epoch: socket.greeting.epoch });
        const frames = await take(socket, 5);
        expect(frames.map(({ message_id }) => message_id)).toEqual(old.map(({ message_id }) => message_id));
        await acknowledge(socket, 5);
      }
      expect(epochs.size).toBe(1);
      const next = await push(server, user, "after");
      expect(next.seq).toBe(6);
    });

    test("is noticed also where the log has overtaken the client since", async () => {
      const user = await person(server);
      const device = await companion(server, user);
      using phone = await app(server, user, "phone");
      await pushMany(server, user, 2);
      await handle(phone, 2);
      await states(server, { message_id: (await push(server, user, 3)).message_id });
      await keepCopy();
      await pushMany(server, user, 3);
      const at = { device: {}, phone: {} };
      {
        using socket = await reliable(server, device);
        at.device = whereabouts(socket, await handle(socket, 6));
        using again = await app(server, user, "phone");
        at.phone = whereabouts(again, await handle(again, 6));
      }
      await restoreCopy(signal);
      const newer = await pushMany(server, user, 20);

      using socket = await reliable(server, { token: device.token, query: at.device });
      expect(await socket.next()).toMatchObject({ type: "reset", epoch: socket.greeting.epoch });
      expect(seqs(await take(socket, 23))).toEqual(range(1, 23));
      // To the other the epoch says it.
      using again = await app(server, user, "phone", at.phone);
      expect(again.greeting.epoch).toBe(socket.greeting.epoch);
      expect(standing(again)).toMatchObject({ acked: 2, top: 23, resumed: false });
      expect(await again.next()).toMatchObject({ type: "reset" });
      const frames = await take(again, 21);
      expect(seqs(frames)).toEqual(range(3, 23));
      expect(frames.at(-1)?.message_id).toBe(newer.at(-1)?.message_id as string);
    });

    test("says nothing to a client that was no further than it", async () => {
      const user = await person(server);
      const device = await companion(server, user);
      await pushMany(server, user, 4);
      let where = {};
      {
        using socket = await reliable(server, device);
        where = whereabouts(socket, await handle(socket, 3));
      }
      await keepCopy();
      await pushMany(server, user, 4);
      await restoreCopy(signal);
      using socket = await reliable(server, { token: device.token, query: where });
      expect(standing(socket)).toEqual({ consumer: `device:${device.id}`, acked: 3, top: 4, resumed: true });
      expect(seqs([await socket.next()])).toEqual([4]);
    });
  });
}
