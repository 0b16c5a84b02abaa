import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { LTY, type Running, Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

const SERVING = /^qy-lty serving on (http:\/\/127\.0\.0\.1:\d+)\n/;
const FREE_PORT = { LTY_PORT: "0" };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function serve(
  words: string[] = [],
  env: Record<string, string> = {},
): Promise<{ server: Running; url: string }> {
  const server = sandbox.start(["serve", ...words], { env: { ...FREE_PORT, ...env } });
  const [, url = ""] = await server.stdout.until(SERVING);
  return { server, url };
}

/** Opens a socket with its token in a header, and reads its first frame. */
async function connect(url: string, token: string, query = ""): Promise<{ socket: WebSocket; greeting: unknown }> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/device/${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { data } = await event<MessageEvent<string>>(socket, "message");
  return { socket, greeting: JSON.parse(data) };
}

function event<Event>(socket: WebSocket, type: "message" | "close"): Promise<Event> {
  return new Promise((resolve) => socket.addEventListener(type, (event) => resolve(event as Event), { once: true }));
}

describe("serve", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("says where, answers, and stops cleanly on %s", async (signal) => {
    const { server, url } = await serve();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    server.signal(signal);
    expect(await server.ended()).toBe(0);
    expect(server.stdout.text).toBe(`qy-lty serving on ${url}\n`);
    for (const line of server.stderr.text.trimEnd().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  });

  test("--json says it in one line for programs; flags come before the environment", async () => {
    const server = sandbox.start(["serve", "--json", "--host", "localhost", "--port", "0"], {
      env: { LTY_HOST: "192.0.2.1", LTY_PORT: "1" },
    });
    const [line] = await server.stdout.until(/.*\n/);
    const { url, port } = JSON.parse(line);
    expect(JSON.parse(line)).toEqual({ url: `http://localhost:${port}`, port: expect.any(Number) });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    server.signal("SIGTERM");
    expect(await server.ended()).toBe(0);
    expect(server.stdout.text).toBe(line);
  });

  test("one Ctrl-C that arrives twice, as under npm, drains and exits 0", async () => {
    const { server, url } = await serve(["--demo"]);
    const [token = ""] = await server.stdout.until(/lty_\w{43}/);
    const { socket } = await connect(url, token);
    const closed = event<CloseEvent>(socket, "close");
    server.signal("SIGINT");
    await server.stderr.until(/"draining"/);
    server.signal("SIGINT");
    expect(await server.ended()).toBe(0);
    expect((await closed).code).toBe(1012);
  });

  test("a port in use, and a host that is none, are one line and exit 1", async () => {
    const { server, url } = await serve();
    const { port } = new URL(url);
    const second = await sandbox.lty(["serve", "--demo"], { env: { LTY_PORT: port, LTY_LOG_LEVEL: "silent" } });
    expect(second).toEqual({
      code: 1,
      stdout: "",
      stderr: `lty: port ${port} is in use by another program; choose one with --port (0: any that is free)\n`,
    });
    // It gave up before it made credentials that nobody would have seen.
    expect(await sandbox.json(["user", "list"])).toEqual([]);
    const nowhere = await sandbox.lty(["serve", "--host", "192.0.2.1"], { env: FREE_PORT });
    expect(nowhere).toEqual({
      code: 1,
      stdout: "",
      stderr: "lty: 192.0.2.1 is not an address of this machine; choose one with --host\n",
    });
    server.signal("SIGTERM");
    expect(await server.ended()).toBe(0);
  });

  test("a bug that nobody caught is logged, drains and exits 1", async () => {
    const bug = join(sandbox.folder, "bug.ts");
    await Bun.write(bug, `process.on("SIGUSR2", () => { throw new Error("a bug"); });`);
    const { server } = await serve([], { BUN_OPTIONS: `--preload=${bug}` });
    server.signal("SIGUSR2");
    expect(await server.ended()).toBe(1);
    const lines = server.stderr.text.trimEnd().split("\n");
    expect(lines.pop()).toBe("lty: stopped by an unexpected error; the log tells more");
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map(({ msg }) => msg)).toEqual(["listening", "uncaughtException", "draining", "stopped"]);
    expect(events[1]).toMatchObject({ level: 60, err: { message: "a bug" } });
  });

  test("notices what other commands change beside it", async () => {
    const { server, url } = await serve();
    await sandbox.lty(["user", "create", "alice"]);
    const { token, prefix } = (await sandbox.json(["token", "create", "--user", "alice"])) as Record<string, string>;
    const { socket, greeting } = await connect(url, token ?? "");
    expect(greeting).toMatchObject({ type: "connection_status", user_id: "1" });

    const env = { LTY_URL: url, LTY_TOKEN: token ?? "" };
    const received = event<MessageEvent<string>>(socket, "message");
    const sent = await sandbox.lty(["send", "--user", "1", "--type", "notice", "--message", '"hi"'], { env });
    expect(sent.stdout).toStartWith("Sent to user 1, who is online");
    expect(JSON.parse((await received).data)).toMatchObject({ type: "notice", message: "hi" });

    const closed = event<CloseEvent>(socket, "close");
    await sandbox.lty(["token", "revoke", prefix ?? ""]);
    expect((await closed).code).toBe(4010);
    const refused = await sandbox.lty(["send", "--all", "--type", "notice", "--message", "1"], { env });
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: "lty: the server refused: Authentication required (UNAUTHENTICATED)\n",
    });
    server.signal("SIGTERM");
    expect(await server.ended()).toBe(0);
  });
});

describe("serve --demo", () => {
  const END = /Ctrl-C stops the server\.\n$/;
  const tokensIn = (text: string) =>
    [...text.matchAll(/^ {2}(\w+) +(.+?) +(lty_\w{43})$/gm)].map(([, who, is, token]) => ({ who, is, token }));

  test("shows four credentials that work, once, at the terminal and nowhere else", async () => {
    const first = await serve(["--demo"], { LTY_LOG_LEVEL: "trace" });
    await first.server.stdout.until(END);
    const shown = tokensIn(first.server.stdout.text);
    expect(shown.map(({ who, is }) => [who, is])).toEqual([
      ["admin", "user 1"],
      ["user", "user 2"],
      ["device", "device 1"],
      ["app", "user 2, ?role=app"],
    ]);
    const [admin = "", user = "", device = "", app = ""] = shown.map(({ token }) => token);
    expect(
      (await fetch(`${first.url}/api/connections/`, { headers: { authorization: `Token ${admin}` } })).status,
    ).toBe(200);
    expect((await connect(first.url, user)).greeting).toMatchObject({ user_id: "2", device_id: 1 });
    expect((await connect(first.url, device)).greeting).toMatchObject({ user_id: "2", device_id: 1 });
    expect((await connect(first.url, app, "?role=app")).greeting).toMatchObject({ user_id: "2", device_id: null });
    expect((await fetch(`${first.url}/docs`)).status).toBe(200);
    expect(first.server.stdout.text).toContain(`${first.url}/docs`);
    first.server.signal("SIGTERM");
    expect(await first.server.ended()).toBe(0);

    const second = await serve(["--demo"]);
    await second.server.stdout.until(END);
    expect(second.server.stdout.text).not.toContain("lty_");
    expect(second.server.stdout.text).toContain("`npx lty token create --user demo` makes another");
    expect(second.server.stdout.text).toContain(`${second.url}/docs`);
    second.server.signal("SIGTERM");
    expect(await second.server.ended()).toBe(0);

    const elsewhere = first.server.stderr.text + second.server.stderr.text + (await sandbox.everything());
    for (const token of [admin, user, device, app]) expect(elsewhere).not.toContain(token);
  });

  test.skipIf(Bun.which("curl") === null)("shows commands that work when pasted", async () => {
    const { server } = await serve(["--demo"]);
    await server.stdout.until(END);
    const [, pasted = ""] = /Try it in another terminal:\n\n(.+?)\n\nAPI reference/s.exec(server.stdout.text) ?? [];
    expect(pasted.replaceAll(/^ {2}export .*$/gm, "")).not.toContain("lty_");
    // `npx lty` is `lty` of the checkout; a sandbox has none.
    const script = `set -e\n${pasted.replace("npx lty", `echo; '${LTY}'`)}`;
    const { code, stdout } = await sandbox.run(["/bin/sh", "-c", script]);
    expect(code).toBe(0);
    expect(stdout).toContain('"message":{"text":"晚饭好了"}');
    expect(stdout).toContain('"users":[]');
    expect(stdout).toMatch(/\nNobody is online for user 2: /);
    server.signal("SIGTERM");
    expect(await server.ended()).toBe(0);
  });

  test("--json has the same", async () => {
    const server = sandbox.start(["serve", "--demo", "--json"], { env: FREE_PORT });
    const [line] = await server.stdout.until(/.*\n/);
    const { url, port } = JSON.parse(line);
    const token = expect.stringMatching(/^lty_\w{43}$/);
    expect(JSON.parse(line)).toEqual({
      url: `http://127.0.0.1:${port}`,
      port,
      docs: `${url}/docs`,
      demo: {
        admin: { user_id: 1, username: "admin", token },
        user: { user_id: 2, username: "demo", token },
        device: { device_id: 1, name: "Demo companion", token },
        app: { user_id: 2, username: "demo", role: "app", token },
      },
    });
    server.signal("SIGINT");
    expect(await server.ended()).toBe(0);
  });
});
