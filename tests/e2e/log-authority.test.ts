import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, disable, issue, person } from "./support/people.ts";
import { acknowledge, app, LTY_V1, push, quiet, range, reliable, seqs, states, take } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";
import { within } from "./support/wait.ts";

/**
 * How long a connection may outlive what allowed it, on a machine that is busy with others, milliseconds. That a change is
 * noticed within a quarter of a second shows a clock that is turned, in server/src/auth/authority.test.ts.
 */
const AT_MOST_MS = 10_000;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A user whose apps have tokens of their own, and receive without end. */
async function household() {
  const user = await person(server);
  const lost = await issue(server, { user_id: user.id });
  const sockets = {
    phone: await app(server, lost, "phone"),
    roleless: await reliable(server, lost),
    original: await TestSocket.open(server.wsUrl, lost),
    live: await reliable(server, { token: lost.token, query: { role: "app" } }),
  };
  return { user, lost, sockets };
}

/** Pushes until told to stop; answers the seq of every push that was answered after `when()`. */
function pushOn(user: { readonly id: number }, when: () => boolean) {
  let on = true;
  const after: number[] = [];
  const done = (async () => {
    while (on) {
      const late = when();
      const { seq } = await push(server, user, "x");
      if (late) after.push(seq);
    }
    return after;
  })();
  return {
    stop: () => {
      on = false;
      return done;
    },
  };
}

const revocations: Record<string, (id: number) => Promise<unknown>> = {
  "the API": (id) => server.data("DELETE", `/api/tokens/${id}/`),
  "the command line": (id) => server.lty("token", "revoke", String(id)),
};
for (const [name, revoke] of Object.entries(revocations)) {
  test(`a token revoked by ${name} ends its connections, while messages pour in, and nothing comes after`, async () => {
    const { user, lost, sockets } = await household();
    using other = await reliable(server, user);
    let closed = 0;
    const all = Promise.withResolvers<void>();
    for (const socket of Object.values(sockets)) {
      void socket.closing.then(() => ++closed === Object.keys(sockets).length && all.resolve());
    }
    const pushing = pushOn(user, () => closed === Object.keys(sockets).length);
    await sockets.phone.next();
    await revoke(lost.id);
    const revoked = performance.now();
    await within(all.promise, "the close of every connection", AT_MOST_MS);
    expect(performance.now() - revoked).toBeLessThan(AT_MOST_MS);
    // What was pushed once they were closed reached none of them, and whoever may still listen.
    while ((await other.next()).seq !== 20) {}
    const late = await pushing.stop();
    for (const socket of Object.values(sockets)) {
      expect((await socket.ended()).code).toBe(4010);
      const heard = socket.received.map((text) => Number((JSON.parse(text) as { seq?: number }).seq));
      for (const seq of late) expect(heard).not.toContain(seq);
    }
    // Where the app stood is still there for whoever comes with a good token.
    await push(server, user, "last");
    using back = await app(server, user, "phone");
    expect(Number(back.greeting.top)).toBeGreaterThan(Number(back.greeting.acked));
  }, 60_000);
}

describe("what a revoked credential had received and not acknowledged", () => {
  test("comes to the same consumer under another credential", async () => {
    const user = await person(server);
    const device = await companion(server, user);
    const second = await issue(server, { device_id: device.id });
    const socket = await reliable(server, second);
    for (const n of range(1, 3)) await push(server, user, n);
    await take(socket, 3);
    await acknowledge(socket, 1);
    await server.data("DELETE", `/api/tokens/${second.id}/`);
    expect((await socket.ended()).code).toBe(4010);
    // Too late: it was ended before.
    using again = await reliable(server, device);
    expect(again.greeting.acked).toBe(1);
    expect(seqs(await take(again, 2))).toEqual([2, 3]);
  });
});

test("a disabled user's messages are kept, and come once the user is enabled again", async () => {
  const user = await person(server);
  const device = await companion(server, user);
  const socket = await reliable(server, device);
  await disable(server, user);
  expect((await socket.ended()).code).toBe(4010);
  const pushed = await push(server, user, "meanwhile");
  using refused = TestSocket.knock(server.wsUrl, { ...device, protocol: LTY_V1 });
  expect((await refused.ended()).code).toBe(4001);
  await server.data("PATCH", `/api/users/${user.id}/`, { is_active: true });
  using back = await reliable(server, device);
  expect(await back.next()).toMatchObject({ message_id: pushed.message_id });
});

test("an erased user's log is gone with the user: its device starts anew with whoever gets it", async () => {
  const [alice, bob] = await Promise.all([person(server), person(server)]);
  const device = await companion(server, alice);
  await push(server, alice, "hers");
  const socket = await reliable(server, device);
  await socket.next();
  await server.data("DELETE", `/api/users/${alice.id}/`);
  await socket.ended();
  await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id });
  const pushed = await push(server, bob, "his");
  using again = await reliable(server, device);
  expect(await again.next()).toMatchObject({ message_id: pushed.message_id, seq: 1 });
  await acknowledge(again, 1);
  expect(await states(server, pushed)).toEqual({ [`device:${device.id}`]: "acknowledged" });
  expect(await quiet(again)).toEqual([]);
});

test("a credential that expires ends its connection with 4012; with a fresh one it goes on where it stood", async () => {
  const user = await person(server);
  const device = await companion(server, user);
  // Long enough to connect and to receive with it on a busy machine.
  const brief = await issue(server, { device_id: device.id }, 4);
  const socket = await reliable(server, brief);
  await push(server, user, 1);
  await socket.next();
  // Lifetimes are whole seconds of the server's own clock.
  expect((await socket.ended()).code).toBe(4012);
  await push(server, user, 2);
  using again = await reliable(server, device);
  expect(seqs(await take(again, 2))).toEqual([1, 2]);
});
