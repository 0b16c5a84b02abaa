import { afterAll, beforeAll, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { issue, type Person, person } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";
import { handshakeLines, requestHead, Wire } from "./support/wire.ts";

/** What would be another line of the log, if anything wrote it there as it is. */
const FORGED = '"}\r\n{"level":60,"msg":"forged"}\n\u001b[31mforged\u001b[0m\u2028\u0000\u0085';
/** What an HTTP header may carry of it. */
const FORGED_HEADER = '"}\t{"level":60,"msg":"forged"} \\n\\u001b[31m %0d%0a{"level":60}';

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start({ LTY_LOG_LEVEL: "trace", LTY_TRUSTED_PROXIES: "127.0.0.1" });
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Whatever a stranger or a user may write, over every way that may end in the log. */
const ATTEMPTS: Readonly<Record<string, () => Promise<unknown>>> = {
  "a user's name": () => server.api("POST", "/api/users/", { body: { username: FORGED } }),
  "a device's name and serial": () => server.api("POST", "/api/devices/", { body: { name: FORGED, serial: FORGED } }),
  "a service's name": () => server.api("POST", "/api/tokens/", { body: { service: FORGED } }),
  "a name that is there already": async () => {
    await server.api("POST", "/api/users/", { body: { username: `again ${FORGED}` } });
    await server.api("POST", "/api/users/", { body: { username: `again ${FORGED}` } });
  },
  "an origin": () => knock("/ws/device/", [["Origin", FORGED_HEADER]]),
  "an origin of control characters": async () => {
    for (const control of ["\u001b[31m", "\u007f", "\u0085", "\u009b31m", "\u0000", "\r", "\t"]) {
      using wire = new Wire(server.port);
      const head = requestHead("GET /ws/device/ HTTP/1.1", [
        ...handshakeLines(server.port),
        ["Origin", `http://a${control}b`],
      ]);
      wire.write(Buffer.from(head, "latin1"));
      expect(await wire.answers()).toMatch(/^40[03]$/);
    }
  },
  "a forwarded address": () => knock(`/ws/device/?token=${alice.token}`, [["X-Forwarded-For", FORGED_HEADER]]),
  "a user agent and a request id": () =>
    knock(`/ws/device/?token=${alice.token}`, [
      ["User-Agent", FORGED_HEADER],
      ["X-Request-Id", FORGED_HEADER],
    ]),
  "a path": () => knock(`/${encodeURIComponent(FORGED)}`, []),
  "a token": () => knock(`/ws/device/token/${encodeURIComponent(FORGED)}/`, []),
  "a role and a client's id": () =>
    knock(
      `/ws/device/?token=${alice.token}&role=${encodeURIComponent(FORGED)}&client_id=${encodeURIComponent(FORGED)}`,
      [],
    ),
  "a query of the API": () => server.api("GET", `/api/users/?limit=${encodeURIComponent(FORGED)}`),
  "an idempotency key": () =>
    server.api("POST", "/api/messages/", {
      headers: { "Idempotency-Key": FORGED_HEADER },
      body: { type: "note", message: FORGED, user_id: alice.id },
    }),
  "the type of a push": () =>
    server.api("POST", "/api/messages/", { body: { type: FORGED, message: FORGED, user_id: alice.id } }),
  "a body that is none": () => server.api("POST", "/api/messages/", { raw: FORGED }),
  "a city, and every other member of a frame": async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token });
    for (const type of ["weather", "chat_message", "sing", "dance", FORGED]) {
      await socket.ask({ type, id: FORGED, message: { city: FORGED, text: FORGED, song: FORGED, dance: FORGED } });
      await socket.ask({ type, id: FORGED, message: FORGED });
    }
  },
  "the reason of a close": async () => {
    using wire = await Wire.open(server.port, alice.token);
    wire.write(encodeFrame(Opcode.close, Buffer.concat([Buffer.of(3, 0xe8), Buffer.from(FORGED)])));
    await wire.gone();
  },
};

async function knock(path: string, lines: readonly (readonly [string, string])[]): Promise<void> {
  using wire = new Wire(server.port);
  wire.write(requestHead(`GET ${path} HTTP/1.1`, [...handshakeLines(server.port), ...lines]));
  await wire.answers();
}

for (const [what, attempt] of Object.entries(ATTEMPTS)) {
  test(`${what} writes no line of its own into the log`, async () => {
    const from = server.output.length;
    await attempt();
    // Whatever this does is logged after it.
    const { id } = await server.data<{ id: number }>("POST", "/api/users/", { username: crypto.randomUUID() });
    await logged(id);
    const lines = server.output.slice(from).trimEnd().split("\n");
    for (const line of lines) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      const { level, msg, ...fields } = JSON.parse(line) as { readonly level: number; readonly msg: string };
      expect(level).toBeLessThan(50);
      expect(msg).not.toContain("forged");
      expect(fields).toMatchObject({ time: expect.any(Number), pid: expect.any(Number) });
    }
  });
}

test("a token that is given to a user with such a name leaves it out of the log too", async () => {
  const { id } = await server
    .data<{ id: number }>("POST", "/api/users/", { username: "plain\r\nforged" })
    .catch(() => alice);
  const { token } = await issue(server, { user_id: id });
  using socket = await TestSocket.open(server.wsUrl, { token });
  expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  expect(server.output).not.toContain(token);
  expect(server.output).not.toMatch(/^forged/m);
});

/** The log is another stream than the answer: waits for the line about user `id`. */
async function logged(id: number): Promise<void> {
  const line = new RegExp(`"user_id":"?${id}\\b|"id":"?${id}\\b`);
  while (!server.output.split("\n").some((text) => line.test(text))) await server.api("GET", "/healthz");
}
