import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

const TOKEN = "lty_0123456789012345678901234567890123456789012";
const PUSHED = { type: "notice", message: "hi", message_id: "0198-abc", seq: 12, online: true, duplicate: false };

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly body: unknown;
}

/** A server that gives one answer and notes what it was asked. */
class FakeServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(answer: Response) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        this.seen.push({
          method: request.method,
          path: new URL(request.url).pathname,
          authorization: request.headers.get("authorization"),
          body: await request.json(),
        });
        return answer;
      },
    });
  }

  env(path = ""): Record<string, string> {
    return { LTY_URL: `${this.#server.url.origin}${path}`, LTY_TOKEN: TOKEN };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

const success = (data: unknown) => Response.json({ status: "success", message: "消息发送成功", data });

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const send = (...target: string[]) => ["send", ...target, "--type", "notice", "--message", '{"text":"hi"}'];

describe.concurrent("send", () => {
  test("--user pushes to a user", async () => {
    await using server = new FakeServer(success(PUSHED));
    expect(await sandbox.lty(send("--user", "7"), { env: server.env() })).toEqual({
      code: 0,
      stdout: "Sent to user 7, who is online (message 0198-abc).\n",
      stderr: "",
    });
    expect(server.seen).toEqual([
      {
        method: "POST",
        path: "/api/messages/",
        authorization: `Bearer ${TOKEN}`,
        body: { type: "notice", message: { text: "hi" }, user_id: 7 },
      },
    ]);
  });

  test("--device pushes to a device, below a base URL that has a path", async () => {
    await using server = new FakeServer(success({ ...PUSHED, online: false }));
    const { stdout } = await sandbox.lty(send("--device", "3"), { env: server.env("/lty") });
    expect(stdout).toBe("Nobody is online for device 3: it is kept until they connect (message 0198-abc).\n");
    expect(server.seen).toMatchObject([
      { path: "/lty/api/devices/3/messages/", body: { type: "notice", message: { text: "hi" } } },
    ]);
  });

  test("--all broadcasts", async () => {
    await using server = new FakeServer(success({ recipients: 1 }));
    expect((await sandbox.lty(send("--all"), { env: server.env() })).stdout).toBe("Sent to 1 connection.\n");
    expect(server.seen).toMatchObject([{ path: "/api/broadcast/", body: { type: "notice", message: { text: "hi" } } }]);
  });

  test("says when nothing was kept for who is offline", async () => {
    await using server = new FakeServer(success({ ...PUSHED, online: false, seq: null }));
    const { stdout } = await sandbox.lty(send("--user", "7"), { env: server.env() });
    expect(stdout).toBe("Nobody is online for user 7: it was not kept (message 0198-abc).\n");
  });

  test("--json prints the server's data", async () => {
    await using server = new FakeServer(success(PUSHED));
    expect(await sandbox.json(send("--user", "7"), { env: server.env() })).toEqual(PUSHED);
  });
});

describe.concurrent("send fails in one line, exit 1", () => {
  const refused = (body: object, init: ResponseInit) =>
    Response.json({ status: "error", request_id: "r", ...body }, init);

  test.each([
    {
      answer: refused({ message: "Not allowed", code: "FORBIDDEN" }, { status: 403 }),
      line: /^lty: the server refused: Not allowed \(FORBIDDEN\)\n$/,
    },
    {
      answer: refused(
        { message: "Rate limit\x1b[31m\nexceeded", code: "RATE_LIMITED" },
        { status: 429, headers: { "retry-after": "12" } },
      ),
      line: /^lty: the server refused: Rate limit \[31m exceeded \(RATE_LIMITED\); try again in 12 s\n$/,
    },
    {
      answer: new Response("<html>Bad gateway</html>", { status: 502 }),
      line: /^lty: http:\/\/127\.0\.0\.1:\d+ answered 502, not as a gateway does; check LTY_URL\n$/,
    },
    {
      answer: new Response("hello", { status: 200 }),
      line: /^lty: http:\/\/127\.0\.0\.1:\d+ answered 200, not as a gateway does; check LTY_URL\n$/,
    },
    {
      answer: Response.redirect("http://127.0.0.1:1/elsewhere", 307),
      line: /^lty: http:\/\/127\.0\.0\.1:\d+ answered 307, not as a gateway does; check LTY_URL\n$/,
    },
  ])("$line", async ({ answer, line }) => {
    await using server = new FakeServer(answer);
    const { code, stdout, stderr } = await sandbox.lty(send("--user", "7"), { env: server.env() });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(line);
  });

  test("a server that is not there, whose URL may hold a password", async () => {
    const env = { LTY_URL: "http://me:hunter2@127.0.0.1:1", LTY_TOKEN: TOKEN };
    expect(await sandbox.lty(send("--all"), { env })).toEqual({
      code: 1,
      stdout: "",
      stderr: "lty: the server at http://127.0.0.1:1 cannot be reached; is it running? (LTY_URL)\n",
    });
  });
});
