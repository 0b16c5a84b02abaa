import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { answers, type Call, type HttpAnswer } from "./support/client.ts";
import { companion, issue, issuer, person, service, ticketFor, unique } from "./support/people.ts";
import { refusalOf, wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";
import { frames, type Introduction, TestSocket } from "./support/socket.ts";

/** What must stand nowhere, and what it is. */
const secrets = new Map<string, string>();
/** Everything that came out of the server, and where. */
const heard: { readonly where: string; readonly text: string }[] = [];
const key = "qweather-key-0123456789abcdef";

let server: TestServer;
let upstream: Bun.Server<undefined>;

/** Notes a secret. Of a token the part behind its prefix counts, which may be shown: so a part of it is found too. */
function secret(value: string, what: string): string {
  secrets.set(/^lt[yk]_/.test(value) ? value.slice(12) : value, what);
  return value;
}

/** An answer as it came, but for the one place where a new token or ticket may stand. */
function remember({ status, headers, text, body }: HttpAnswer): void {
  const { token, ticket } = (body.data ?? {}) as { token?: string; ticket?: string };
  const issued = token ?? ticket;
  const rest = issued === undefined ? text : text.replace(issued, "");
  heard.push({ where: `an answer of ${status}`, text: `${JSON.stringify([...headers])} ${rest}` });
  if (issued !== undefined) secret(issued, "an issued credential");
}

beforeAll(async () => {
  // A weather service that repeats the key it was asked with.
  upstream = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(JSON.stringify([...request.headers, request.url]), { status: 401 }),
  });
  answers.heard = remember;
  frames.heard = (text) => heard.push({ where: "a frame", text });
  server = await TestServer.start({
    LTY_LOG_LEVEL: "trace",
    LTY_WEATHER_PROVIDER: "qweather",
    LTY_QWEATHER_HOST: `http://127.0.0.1:${upstream.port}`,
    LTY_QWEATHER_KEY: secret(key, "the key of the weather service"),
  });
  secret(server.adminToken, "the admin's token");
});
afterAll(async () => {
  answers.heard = () => {};
  frames.heard = () => {};
  await server[Symbol.asyncDispose]();
  await upstream.stop(true);
});

const api = (method: string, path: string, call: Call = {}) => server.api(method, path, call);

/** Everyone who holds a token, and the ways to carry one. */
async function holders(): Promise<Record<string, string>> {
  const user = await person(server);
  const admin = await person(server, { is_admin: true });
  const device = await companion(server, user, { is_primary: true });
  const revoked = await issue(server, { user_id: user.id });
  await server.data("DELETE", `/api/tokens/${revoked.id}/`);
  return {
    user: user.token,
    admin: admin.token,
    device: device.token,
    service: await service(server),
    issuer: secret(await issuer(server), "a token of the command line"),
    revoked: revoked.token,
    wrong: secret(wrongToken(), "a wrong token"),
    legacy: secret("0123456789abcdef".repeat(3).slice(0, 40), "a wrong token of the original system"),
    nonsense: secret("my-password-by-mistake", "no token at all"),
  };
}

const carriers: readonly ((token: string) => Introduction)[] = [
  (token) => ({ token }),
  (token) => ({ headers: { authorization: `Token ${token}` } }),
  (token) => ({ query: { token } }),
  (token) => ({ path: `/ws/device/token/${token}/` }),
  (token) => ({ query: { ticket: token } }),
];

describe("secrets are driven through", () => {
  test("every way to open a socket, well and badly", async () => {
    const tokens = Object.values(await holders());
    for (const token of tokens) {
      for (const carrier of carriers) {
        using socket = TestSocket.knock(server.wsUrl, carrier(token));
        await socket.next();
      }
    }
    for (const token of tokens.slice(0, 3)) {
      const query = { ticket: await ticketFor(server, token) };
      using socket = await TestSocket.open(server.wsUrl, { query });
      await socket.ask({ type: "auth", message: { token } });
      await socket.ask(`{"type":"ping","token":"${token}"`);
      await socket.ask({ type: "sing", message: { song: [token] } });
      expect(await socket.ask({ type: "weather", message: "上海" })).toMatchObject({ code: "UPSTREAM_FAILED" });
      expect(await refusalOf(server, { query })).toEqual(["UNAUTHENTICATED", 4001]);
    }
  });

  test("requests that fail in every way", async () => {
    for (const token of Object.values(await holders())) {
      for (const path of ["/api/users/", "/api/nothing/", "/api/tokens/999999/", "/api/users/x/", "/api/messages/"]) {
        await api("GET", path, { token });
      }
      await api("GET", `/api/users/?token=${token}`, { token: null });
      await api("GET", `/api/${token}/`, { token: null });
      await api("GET", `/ws/device/token/${token}/`, { token: null });
      await api("GET", `/ws/device/token/${token}/deeper/`, { token: null });
      await api("GET", "/api/users/", { token: null, headers: { authorization: `Basic ${token}` } });
      await api("POST", "/api/messages/", { token, raw: `{"token":"${token}"` });
      await api("POST", "/api/messages/", { raw: JSON.stringify([token]) });
      await api("POST", "/api/messages/", { raw: token.repeat(2_000) });
      await api("DELETE", `/api/tokens/${token}/`);
      await api("POST", "/api/tokens/", { body: { user_id: token } });
      await api("GET", `/api/users/?limit=${token}`);
    }
  });

  test("passwords that are set, changed and refused", async () => {
    const password = (what: string) => secret(`${what} ${crypto.randomUUID()}`, `a password, ${what}`);
    const made = await server.data<{ id: number }>("POST", "/api/users/", {
      username: unique("user"),
      password: password("made"),
    });
    await server.data("PATCH", `/api/users/${made.id}/`, { password: password("changed") });
    for (const body of [
      { username: "root", password: password("of a taken name") },
      { username: "", password: password("without a name") },
      { username: "x", password: [password("in a list")] },
      { username: "x", password: { [password("as a member")]: 1 } },
      { username: "x", password: password("too long").repeat(50) },
    ]) {
      expect((await api("POST", "/api/users/", { body })).status).toBeGreaterThanOrEqual(400);
    }
    const given = password("given to the command line");
    const { code, stdout, stderr } = await server.ltyOutcome(
      ["user", "create", unique("user"), "--password-stdin"],
      given,
    );
    expect(code).toBe(0);
    heard.push({ where: "the command line", text: stdout + stderr });
  });

  test("signing in, well and badly", async () => {
    const username = unique("typist");
    const password = secret(`typed ${crypto.randomUUID()}`, "a password that was signed in with");
    await server.data("POST", "/api/users/", { username, password });
    expect((await api("POST", "/api/login/", { token: null, body: { username, password } })).status).toBe(200);
    const wrong = secret(`mistyped ${crypto.randomUUID()}`, "a wrong password");
    for (const body of [
      { username, password: wrong },
      { username: wrong, password: wrong },
      { username: [wrong], password: { [wrong]: wrong } },
      { username: wrong.repeat(5), password: wrong.repeat(50) },
    ]) {
      expect((await api("POST", "/api/login/", { token: null, body })).status).toBeGreaterThanOrEqual(400);
    }
    await api("POST", "/api/login/", { token: null, raw: `{"username":"${username}","password":"${wrong}` });
    await api("POST", `/api/login/?password=${wrong.replaceAll(" ", "+")}`, { token: null, raw: wrong });
  });

  test("what the command line lists and refuses", async () => {
    const { user = "" } = await holders();
    for (const args of [["token", "list"], ["user", "list", "--json"], ["check-config"], ["token", "revoke", user]]) {
      const { stdout, stderr } = await server.ltyOutcome(args);
      heard.push({ where: `lty ${args[0]}`, text: stdout + stderr });
    }
  });
});

describe("no secret stands in", () => {
  /** Secrets that `bytes` hold, by what they are. */
  const found = (bytes: string | Buffer) =>
    [...secrets].filter(([value]) => bytes.includes(value)).map(([, what]) => what);

  test("what the server printed, at LTY_LOG_LEVEL=trace", () => {
    expect(server.output).toContain("connection refused");
    expect(found(server.output)).toEqual([]);
  });

  test("answers, their headers, frames, and what commands print", () => {
    expect(heard.length).toBeGreaterThan(200);
    expect(heard.flatMap(({ where, text }) => found(text).map((what) => `${what} in ${where}`))).toEqual([]);
  });

  test("documents that anyone may read", async () => {
    for (const path of ["/openapi.json", "/docs", "/healthz", "/readyz"]) {
      expect(found((await api("GET", path, { token: null })).text)).toEqual([]);
    }
  });

  test("the bytes of the database, while the server runs and after it stopped", async () => {
    const files = () =>
      readdirSync(server.folder).map((name) => [name, readFileSync(`${server.folder}/${name}`)] as const);
    const running = files();
    expect(running.map(([name]) => name).sort()).toEqual(
      expect.arrayContaining(["lty.db", "lty.db-shm", "lty.db-wal"]),
    );
    // The search finds what is there.
    expect(running.some(([, bytes]) => bytes.includes("user-"))).toBe(true);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(
      [...running, ...files()].flatMap(([name, bytes]) => found(bytes).map((what) => `${what} in ${name}`)),
    ).toEqual([]);
  });
});
