import { beforeEach, describe, expect, test } from "bun:test";
import type { Handshake } from "./transport.ts";
import type { Scene } from "./transport-scene.ts";

/** Who gets in, and what else a port answers. */
export function doorContract(current: () => Scene): void {
  let scene: Scene;
  beforeEach(() => {
    scene = current();
  });

  describe("upgrade", () => {
    test("sees path, query, headers and the peer as they came", async () => {
      let seen: Handshake | undefined;
      scene.decide = (handshake) => {
        seen = handshake;
        return scene.accept();
      };
      await scene.connect({ target: "/ws/a%20b/?x=%E4%BD%A0&y=1?2", headers: { "X-Thing": "1, 2" } });
      expect([seen?.path, seen?.query, seen?.peer]).toEqual(["/ws/a%20b/", "x=%E4%BD%A0&y=1?2", "127.0.0.1"]);
      expect([seen?.header("x-thing"), seen?.header("X-THING"), seen?.header("x-other")]).toEqual([
        "1, 2",
        "1, 2",
        null,
      ]);
    });

    test.each([
      ["lty.v1", "lty.v1"],
      ["other, lty.v1", "lty.v1"],
      ["lty.v1, other", "lty.v1"],
      ["other", null],
      ["other, another", null],
    ])("of the subprotocols %p it answers %p, as it was decided", async (offered, subprotocol) => {
      scene.decide = () => scene.accept(subprotocol);
      const peer = await scene.connect({ headers: { "Sec-WebSocket-Protocol": offered } });
      expect(peer.subprotocol).toBe(subprotocol);
    });

    test("names no subprotocol where none was offered", async () => {
      expect((await scene.connect()).subprotocol).toBeNull();
    });

    test("may be refused by a response, and then nothing is opened", async () => {
      scene.decide = () => new Response("no", { status: 403 });
      await expect(scene.connect()).rejects.toThrow("403");
      expect(scene.recorder.events.all).toEqual([]);
    });

    test("an exception out of it is a 500 and goes to `failed`", async () => {
      scene.decide = () => {
        throw new Error("no decision");
      };
      await expect(scene.connect()).rejects.toThrow("500");
      expect(scene.failures.splice(0)).toEqual([new Error("no decision")]);
    });
  });

  test("every other request goes to `fetch`, with the peer's address", async () => {
    expect(await (await scene.fetch("/x")).text()).toBe("/x for 127.0.0.1");
  });

  test.each([
    [
      "thrown",
      () => {
        throw new Error("no answer");
      },
    ],
    ["rejected", () => Promise.reject(new Error("no answer"))],
  ])("an exception %s by `fetch` is a bare 500 and goes to `failed`", async (_, broken) => {
    await scene.listening.stop();
    scene.listening = scene.listen({ fetch: broken });
    const response = await scene.fetch("/");
    expect([response.status, await response.text()]).toEqual([500, "Internal server error"]);
    expect(scene.failures.splice(0)).toEqual([new Error("no answer")]);
  });

  describe("listen", () => {
    test("on a port that is taken throws EADDRINUSE", () => {
      expect(() => scene.listen({ port: scene.listening.port })).toThrow(
        expect.objectContaining({ code: "EADDRINUSE" }),
      );
    });

    test("port 0 picks a free one", async () => {
      const other = scene.listen();
      expect(other.port).toBeGreaterThan(0);
      expect(other.port).not.toBe(scene.listening.port);
      await other.stop();
    });

    test("`finish` takes nothing more, and waits until every request that came is answered", async () => {
      await scene.listening.stop();
      const answer = Promise.withResolvers<Response>();
      const came = Promise.withResolvers<void>();
      scene.listening = scene.listen({
        fetch: () => {
          came.resolve();
          return answer.promise;
        },
      });
      const response = scene.fetch("/slow");
      await came.promise;
      let isFinished = false;
      const finished = scene.listening.finish().then(() => {
        isFinished = true;
      });
      await expect(scene.connect()).rejects.toThrow();
      expect(isFinished).toBe(false);
      answer.resolve(new Response("at last"));
      expect(await (await response).text()).toBe("at last");
      await finished;
    });

    test("`finish` waits for sockets that are open", async () => {
      const peer = await scene.connect();
      const finished = scene.listening.finish();
      scene.connection.close(1012, "");
      await peer.closed;
      await finished;
    });

    test("`stop` ends what is open, takes nothing more, and frees the port", async () => {
      const peer = await scene.connect();
      await scene.listening.stop();
      await peer.closed;
      expect(await scene.recorder.next()).toStartWith("closed");
      await expect(scene.connect()).rejects.toThrow();
      scene.listening = scene.listen({ port: scene.listening.port });
      await scene.connect();
    });
  });
}
