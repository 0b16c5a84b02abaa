import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type Person,
  type PostgresServer,
  type RedisServer,
  startPostgres,
  startRedis,
  startTestGateway,
  type TestGateway,
  type TestSocket,
} from "@qy-lty/testkit";
import fc from "fast-check";

const LTY_V1 = { protocols: ["lty.v1"] };

let postgres: PostgresServer;
let redis: RedisServer;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

let settings: Record<string, string>;
let a: TestGateway;
let b: TestGateway;
beforeEach(async () => {
  const database = { LTY_DATABASE_URL: await postgres.createDatabase(), LTY_REDIS_URL: redis.url };
  settings = { ...database, LTY_RATE_LIMIT_MESSAGES: "0" };
  const start = () => startTestGateway({ environment: settings });
  [a, b] = [await start(), await start()];
  await Promise.all([a, b].map(hears));
});
afterEach(async () => {
  await Promise.all([a, b].map((node) => node[Symbol.asyncDispose]()));
});

/** Waits until a node hears the others. */
async function hears(node: TestGateway): Promise<void> {
  while ((await degraded(node)).length > 0) await new Promise(setImmediate);
}

async function degraded(node: TestGateway): Promise<string[]> {
  const { body } = await node.http<{ degraded: string[] }>("GET", "/readyz");
  return body.data.degraded;
}

async function push(node: TestGateway, to: Person, message: unknown, rest = {}): Promise<void> {
  const body = { type: "note", message, user_id: to.id, ...rest };
  expect((await node.http("POST", "/api/messages/", { token: to.token, body })).status).toBe(200);
}

/** A device on node B, of somebody. */
async function speaker(owner: Person): Promise<TestSocket> {
  const { id } = await a.device({ userId: owner.id });
  const socket = await b.connect(`token=${await a.token({ device: id })}`, LTY_V1);
  await socket.nextOfType("connection_status");
  return socket;
}

/** Waits for a message, whatever comes before it. */
async function receives(socket: TestSocket, message: unknown): Promise<void> {
  while ((await socket.nextOfType("note")).message !== message);
}

const MARK = "are you there?";

/** Waits until a listener of somebody's hears through the other node what is kept nowhere: before that it is lost. */
async function hearsThrough(node: TestGateway, to: Person, listener: TestSocket): Promise<void> {
  let isHeard = false;
  const heard = receives(listener, MARK).then(() => {
    isHeard = true;
  });
  while (!isHeard) await push(node, to, MARK, { ttl: 0 });
  await heard;
}

/** Waits until a connection has been sent everything up to `top`, each once and in order from where it stands. */
async function everything(socket: TestSocket, top: number): Promise<void> {
  const { acked } = await socket.nextOfType("connection_status");
  for (let seq = Number(acked) + 1; seq <= top; seq++) expect(await socket.nextOfType("note")).toMatchObject({ seq });
}

async function deviceOf(owner: Person): Promise<{ readonly id: number; readonly token: string }> {
  const { id } = await a.device({ userId: owner.id });
  return { id, token: await a.token({ device: id }) };
}

/** One more node, in a process of its own, with a connection of each of these tokens. */
function nodeWith(tokens: readonly string[]): Bun.Subprocess {
  const script = new URL("./connect-and-die.ts", import.meta.url).pathname;
  return Bun.spawn([process.execPath, script], {
    env: { ...process.env, ...settings, TOKENS: tokens.join() },
    stdout: "inherit",
    stderr: "inherit",
  });
}

describe("two nodes", () => {
  test("what one takes, a consumer on the other gets, in order", async () => {
    const anna = await a.person();
    const socket = await speaker(anna);
    for (let n = 1; n <= 20; n++) await push(n % 2 === 0 ? a : b, anna, n);
    for (let n = 1; n <= 20; n++) expect(await socket.nextOfType("note")).toMatchObject({ seq: n, message: n });
  });

  test("who is there only to listen hears it too, and what is kept nowhere, and what is said to everybody", async () => {
    const anna = await a.person();
    const admin = await a.person({ isAdmin: true });
    const socket = await b.enter(anna.token, "role=app");
    await hearsThrough(a, anna, socket);
    await push(a, anna, "kept");
    await push(a, anna, "not kept", { ttl: 0 });
    const body = { type: "note", message: "for all" };
    await a.http("POST", "/api/broadcast/", { token: admin.token, body });
    const heard: unknown[] = [];
    while (heard.length < 3) {
      const { message } = await socket.nextOfType("note");
      if (message !== MARK) heard.push(message);
    }
    expect(heard).toEqual(["kept", "not kept", "for all"]);
  });

  test("without Redis what one takes arrives all the same; both say so, and say when it is back", async () => {
    const anna = await a.person();
    const socket = await speaker(anna);
    await redis.service.stop();
    while ((await Promise.all([a, b].map(degraded))).some((of) => of.length === 0)) await new Promise(setImmediate);
    for (let n = 1; n <= 3; n++) await push(a, anna, n);
    for (let n = 1; n <= 3; n++) expect(await socket.nextOfType("note")).toMatchObject({ seq: n });
    await redis.service.start();
    await Promise.all([a, b].map(hears));
    await push(a, anna, 4);
    expect(await socket.nextOfType("note")).toMatchObject({ seq: 4 });
    for (const { log } of [a, b]) {
      const said = log.lines.map(({ msg }) => String(msg)).filter((msg) => msg.startsWith("redis"));
      expect(said.map((msg) => msg.slice(0, msg.indexOf(":")))).toEqual([
        "redis answers",
        "redis does not answer",
        "redis answers",
      ]);
    }
  }, 120_000);

  test("a token that is revoked at one ends its connections on the other", async () => {
    const anna = await a.person();
    const socket = await b.enter(anna.token);
    const tokens = await a.store.tokens.list({ limit: 10, offset: 0 }, anna.id);
    await a.store.tokens.revoke(tokens.items[0]?.id ?? 0);
    expect((await socket.closed).code).toBe(4010);
  });

  test("what a principal does at one counts at the other", async () => {
    const limited = { ...settings, LTY_RATE_LIMIT_MESSAGES: "100", LTY_RATE_LIMIT_WINDOW_S: "86400" };
    await using c = await startTestGateway({ environment: limited });
    await using d = await startTestGateway({ environment: limited });
    await Promise.all([c, d].map(hears));
    const anna = await c.person();
    const asks = async (node: TestGateway) => (await node.http("GET", "/api/tokens/", { token: anna.token })).status;
    let atC = 0;
    while ((await asks(c)) === 200) atC += 1;
    expect(atC).toBe(400);
    // Counts cross once a second.
    let atD = 0;
    for (; (await asks(d)) === 200; atD++) await Bun.sleep(50);
    expect(atD).toBeLessThan(400);
  }, 120_000);

  test("what one answered, the other answers again, and does not run it twice", async () => {
    const anna = await a.person();
    const { id: device } = await a.device({ userId: anna.id });
    const token = await a.token({ device });
    const enter = async (node: TestGateway) => {
      const socket = await node.connect(`token=${token}`, LTY_V1);
      await socket.nextOfType("connection_status");
      return socket;
    };
    const asks = (socket: TestSocket, id: string, message: string) => {
      socket.send({ type: "chat_message", message, id });
      return socket.next();
    };
    const admin = await a.person({ isAdmin: true });
    const listeners = new Map<TestGateway, TestSocket>();
    for (const node of [a, b]) listeners.set(node, await node.enter(admin.token, "role=app"));
    for (let round = 0; round < 10; round++) {
      const [first, second] = round % 2 === 0 ? [a, b] : [b, a];
      const [good, bad] = [`good ${round}`, `bad ${round}`];
      const before = await enter(first);
      const answer = await asks(before, good, `question ${round}`);
      const refusal = await asks(before, bad, "");
      expect([answer, refusal].map(({ type }) => type)).toEqual(["chat_response", "error"]);
      before.close();
      // Said after the answers, and on the same way: who heard this knows them.
      const body = { type: "note", message: `round ${round}` };
      await first.http("POST", "/api/broadcast/", { token: admin.token, body });
      const listener = listeners.get(second);
      if (listener !== undefined) await receives(listener, body.message);
      const after = await enter(second);
      // Run anew, it would speak of this text, at this time.
      expect(await asks(after, good, "another")).toEqual(answer);
      expect(await asks(after, bad, "another")).toEqual(refusal);
      expect(await asks(after, `new ${round}`, "new")).toMatchObject({
        type: "chat_response",
        message: "收到消息:new",
      });
      after.close();
    }
  });

  test("a ticket of one is good at the other, once, whoever asks first", async () => {
    const anna = await a.person();
    for (let round = 0; round < 10; round++) {
      const made = await a.http<{ ticket: string }>("POST", "/api/tickets/", { token: anna.token, body: {} });
      const { ticket } = made.body.data;
      const sockets = await Promise.all([a, b, a, b].map((node) => node.connect(`ticket=${ticket}`)));
      const said = await Promise.all(sockets.map((socket) => socket.next()));
      expect(said.filter(({ type }) => type === "connection_status")).toHaveLength(1);
      expect(said.filter(({ code }) => code === "UNAUTHENTICATED")).toHaveLength(3);
      for (const socket of sockets) socket.close();
    }
  });

  test("know who is connected to the other, and close what is", async () => {
    const [anna, ben] = [await a.person(), await a.person()];
    const admin = await a.person({ isAdmin: true });
    const device = await a.device({ userId: anna.id });
    const onA = await a.enter(ben.token);
    const onB = await b.enter(await a.token({ device: device.id }));
    const body = { type: "note", message: "hello" };
    // Counted once what both said of themselves is known.
    const recipients = async (node: TestGateway) =>
      (await node.http("POST", "/api/broadcast/", { token: admin.token, body })).body.data.recipients;
    for (const node of [a, b]) while ((await recipients(node)) !== 2) await new Promise(setImmediate);
    for (const node of [a, b]) {
      const online = await node.http("GET", "/api/online-users/", { token: admin.token });
      expect(online.body.data).toEqual({ users: [anna.id, ben.id], count: 2 });
      const shown = await node.http("GET", `/api/devices/${device.id}/`, { token: admin.token });
      expect(shown.body.data.online).toBe(true);
      const pushed = await node.http("POST", "/api/messages/", {
        token: admin.token,
        body: { ...body, user_id: anna.id },
      });
      expect(pushed.body.data.online).toBe(true);
    }
    type Listed = { connections: { session_id: string; user_id: number; node: string }[] };
    const { body: listed } = await a.http<Listed>("GET", "/api/connections/", { token: admin.token });
    expect(listed.data.connections.map(({ user_id }) => user_id).sort()).toEqual([anna.id, ben.id]);
    const session = listed.data.connections.find(({ user_id }) => user_id === anna.id)?.session_id;
    const closed = await a.http("DELETE", `/api/connections/${session}/`, { token: admin.token });
    expect(closed.status).toBe(200);
    expect((await onB.closed).code).toBe(1000);
    while ((await recipients(a)) !== 1) await new Promise(setImmediate);
    const again = await a.http("DELETE", `/api/connections/${session}/`, { token: admin.token });
    expect(again.status).toBe(404);
    onA.close();
  });

  test("a device has one reliable connection, on whichever node it came to last", async () => {
    const anna = await a.person();
    const token = await a.token({ device: (await a.device({ userId: anna.id })).id });
    const sockets: TestSocket[] = [];
    for (let n = 0; n < 10; n++) {
      const socket = await (n % 2 === 0 ? a : b).connect(`token=${token}`, LTY_V1);
      await socket.nextOfType("connection_status");
      sockets.push(socket);
    }
    const codes = sockets.slice(0, -1).map(async ({ closed }) => (await closed).code);
    expect(new Set(await Promise.all(codes))).toEqual(new Set([4009]));
    await push(a, anna, "to the last");
    expect(await sockets.at(-1)?.nextOfType("note")).toMatchObject({ message: "to the last" });
  });

  test("of many that come at once, wherever, one is left, and has everything that was pushed meanwhile, in order", async () => {
    const anna = await a.person();
    const token = await a.token({ device: (await a.device({ userId: anna.id })).id });
    let top = 0;
    for (let round = 0; round < 10; round++) {
      const nodes = fc.sample(fc.constantFrom(a, b), { seed: round, numRuns: 20 });
      const coming = Promise.all(nodes.map((node) => node.connect(`token=${token}`, LTY_V1)));
      const pushing = Promise.all([a, b].map((node) => push(node, anna, `round ${round}`)));
      const [came] = await Promise.all([coming, pushing]);
      top += 2;
      const left = new Set(came);
      const codes: number[] = [];
      for (const socket of came) {
        void socket.closed.then(({ code }) => {
          left.delete(socket);
          codes.push(code);
        });
      }
      while (left.size > 1) await new Promise(setImmediate);
      expect(codes).toEqual(Array.from({ length: came.length - 1 }, () => 4009));
      for (const last of left) {
        await everything(last, top);
        last.send({ type: "ack", message: null, seq: top });
        await last.ask({ type: "ping" });
      }
    }
  }, 120_000);

  test("who goes from one to the other finds its cursor, and what it was sent is marked", async () => {
    const anna = await a.person();
    const token = await a.token({ device: (await a.device({ userId: anna.id })).id });
    for (let n = 1; n <= 20; n++) await push(a, anna, n);
    let acked = 0;
    for (let round = 0; round < 10; round++) {
      const socket = await (round % 2 === 0 ? a : b).connect(`token=${token}`, LTY_V1);
      expect(await socket.nextOfType("connection_status")).toMatchObject({ acked });
      for (let seq = acked + 1; seq <= 20; seq++) {
        const expected = round === 0 ? { seq } : { seq, redelivered: true };
        expect(await socket.nextOfType("note")).toMatchObject(expected);
      }
      acked += 2;
      socket.send({ type: "ack", message: null, seq: acked });
      // Frames of a connection are taken in order: once this is answered, that was heard.
      await socket.ask({ type: "ping" });
      socket.close();
    }
  });

  test("connections of a user at both share the place of the one that is behind, also once it has left", async () => {
    const anna = await a.person();
    const enter = async (node: TestGateway) => {
      const socket = await node.connect(`token=${anna.token}`, LTY_V1);
      return { socket, acked: (await socket.nextOfType("connection_status")).acked };
    };
    const acknowledges = async (socket: TestSocket, seq: number) => {
      socket.send({ type: "ack", message: null, seq });
      await socket.ask({ type: "ping" });
    };
    const [slow, fast] = [await enter(a), await enter(b)];
    for (let n = 1; n <= 10; n++) await push(n % 2 === 0 ? a : b, anna, n);
    for (const { socket } of [slow, fast]) await receives(socket, 10);
    await acknowledges(slow.socket, 2);
    await acknowledges(fast.socket, 10);
    slow.socket.close();
    await slow.socket.closed;
    await push(b, anna, 11);
    await receives(fast.socket, 11);
    await acknowledges(fast.socket, 11);
    // Where it joins does not matter: it takes over what was left.
    const heir = await enter(b);
    expect(heir.acked).toBe(2);
    for (let seq = 3; seq <= 11; seq++) {
      expect(await heir.socket.nextOfType("note")).toMatchObject({ seq, redelivered: true });
    }
    await acknowledges(heir.socket, 7);
    expect((await enter(a)).acked).toBe(7);
  });

  test("an app at one hears of a device at the other, and of no absence as it goes from one to the other", async () => {
    const anna = await a.person();
    const device = await a.device({ userId: anna.id });
    const token = await a.token({ device: device.id });
    const app = await a.enter(anna.token, "role=app");
    await hearsThrough(b, anna, app);
    const first = await b.connect(`token=${token}`, LTY_V1);
    expect(await app.nextOfType("device_status")).toMatchObject({ device_id: device.id, online: true });
    const second = await a.connect(`token=${token}`, LTY_V1);
    expect((await first.closed).code).toBe(4009);
    await second.nextOfType("connection_status");
    second.close();
    // The next that is said of it, once it has been away for three seconds.
    let said = await app.nextOfType("device_status");
    while (said.online === true) said = await app.nextOfType("device_status");
    expect(said).toMatchObject({ device_id: device.id, online: false });
    expect((await b.http("GET", `/api/devices/${device.id}/`, { token: anna.token })).body.data.online).toBe(false);
  }, 120_000);

  test("what is queued at either is pushed in order, and once", async () => {
    const anna = await a.person();
    const token = await a.token({ service: "backend" });
    const socket = await speaker(anna);
    for (let n = 1; n <= 40; n++) {
      const body = { user_id: anna.id, message: { type: "note", message: n } };
      expect((await (n % 2 === 0 ? a : b).http("POST", "/api/queue/", { token, body })).status).toBe(200);
    }
    for (let n = 1; n <= 40; n++) expect(await socket.nextOfType("note")).toMatchObject({ seq: n, message: n });
  });

  test("what a node that was killed had is gone, and the owner's apps hear it of their device", async () => {
    const [anna, admin] = [await a.person(), await a.person({ isAdmin: true })];
    const device = await a.device({ userId: anna.id });
    const connections = async () =>
      (await a.http("GET", "/api/connections/", { token: admin.token })).body.data.total_connections as number;
    const app = await b.enter(anna.token, "role=app");
    const child = nodeWith([await a.token({ device: device.id })]);
    expect(await app.nextOfType("device_status")).toMatchObject({ device_id: device.id, online: true });
    while ((await connections()) !== 2) await new Promise(setImmediate);
    child.kill("SIGKILL");
    expect(await app.nextOfType("device_status")).toMatchObject({ device_id: device.id, online: false });
    expect(await connections()).toBe(1);
    await child.exited;
  }, 30_000);

  test("of a node that was killed, devices that are elsewhere are not said to be gone, and one that is nowhere is, once", async () => {
    const anna = await a.person();
    const admin = await a.person({ isAdmin: true });
    // Whichever node buries the third, one of them is not with it.
    const [lost, atA, atB] = [await deviceOf(anna), await deviceOf(anna), await deviceOf(anna)];
    const apps = [await a.enter(anna.token, "role=app"), await b.enter(anna.token, "role=app")] as const;
    await hearsThrough(b, anna, apps[0]);
    await hearsThrough(a, anna, apps[1]);
    const child = nodeWith([lost, atA, atB].map(({ token }) => token));
    const kept = [await a.enter(atA.token), await b.enter(atB.token)];
    const known = async (node: TestGateway) =>
      (await node.http("GET", "/api/connections/", { token: admin.token })).body.data.total_connections;
    for (const node of [a, b]) while ((await known(node)) !== 7) await new Promise(setImmediate);
    child.kill("SIGKILL");
    const timesGone = (app: TestSocket) =>
      [lost, atA, atB].map(({ id }) => {
        const said = app.frames.filter(({ type, device_id }) => type === "device_status" && device_id === id);
        return said.filter(({ online }) => online === false).length;
      });
    const heard = async (...times: number[]) => {
      for (const app of apps) {
        while (timesGone(app).some((count, index) => count < (times[index] ?? 0)))
          await app.nextOfType("device_status");
        expect(timesGone(app)).toEqual(times);
      }
    };
    await heard(1, 0, 0);
    // Three seconds and more, in which nothing else is said of them.
    for (const device of kept) device.close();
    await heard(1, 1, 1);
    await child.exited;
  }, 120_000);
});
