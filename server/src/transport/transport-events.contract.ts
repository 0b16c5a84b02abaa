import { beforeEach, describe, expect, test } from "bun:test";
import { MAX_FRAME_BYTES, type Scene, textFrame } from "./transport-scene.ts";

/** Which events come, when, and what they carry. */
export function eventsContract(current: () => Scene): void {
  let scene: Scene;
  beforeEach(() => {
    scene = current();
  });

  describe("events", () => {
    test("come in the order of the frames, between one opened and one closed", async () => {
      const peer = await scene.connect();
      peer.send(
        { text: "1" },
        { binary: new Uint8Array(3) },
        { pong: "p" },
        { text: "2" },
        { close: 4001, reason: "bye" },
      );
      await peer.closed;
      await scene.recorder.untilClosed();
      expect(scene.recorder.events.all).toEqual(["opened", "text 1", "binary 3", "ponged p", "text 2", "closed 4001"]);
    });

    test("never begin while another is under way, but for the end that the handler brings about", async () => {
      const trace: string[] = [];
      scene.recorder.on = (event, connection) => {
        trace.push(`begin ${event}`);
        if (event === "text 1") connection.send("answer");
        if (event === "text 3") connection.close(4000, "enough");
        trace.push(`end ${event}`);
      };
      const peer = await scene.connect();
      peer.send({ text: "1" }, { text: "2" }, { text: "3" }, { text: "4" });
      await peer.closed;
      await scene.recorder.untilClosed();
      expect(trace.slice(0, 6)).toEqual(["opened", "text 1", "text 2"].flatMap((e) => [`begin ${e}`, `end ${e}`]));
      expect(trace.slice(6).toSorted()).toEqual(["begin closed 4000", "begin text 3", "end closed 4000", "end text 3"]);
    });

    test("a peer that vanishes is closed with 1006, once", async () => {
      const peer = await scene.connect();
      peer.vanish();
      expect(await scene.recorder.next()).toBe("closed 1006");
      scene.connection.close(4000, "too late");
      scene.connection.terminate();
      expect(scene.recorder.events.all).toEqual(["opened", "closed 1006"]);
    });

    test("a peer's ping is answered below the handler", async () => {
      const peer = await scene.connect();
      peer.send({ ping: "there?" }, { text: "1" });
      expect(await peer.next()).toEqual({ kind: "pong", payload: "there?" });
      expect(await scene.recorder.next()).toBe("text 1");
      expect(scene.recorder.events.all).toEqual(["opened", "text 1"]);
    });

    test("the pong to a ping brings its payload back", async () => {
      const peer = await scene.connect();
      scene.connection.ping("42");
      expect(await peer.next()).toEqual({ kind: "ping", payload: "42" });
      peer.send({ pong: "42" });
      expect(await scene.recorder.next()).toBe("ponged 42");
    });
  });

  describe("frames", () => {
    test("a frame of the largest size passes, one byte more closes with 1009", async () => {
      const peer = await scene.connect();
      peer.send({ text: "x".repeat(MAX_FRAME_BYTES) }, { text: "x".repeat(MAX_FRAME_BYTES + 1) });
      expect((await peer.closed).code).toBe(1009);
      await scene.recorder.untilClosed();
      expect(scene.recorder.events.all).toEqual(["opened", `text ${"x".repeat(MAX_FRAME_BYTES)}`, "closed 1006"]);
    });

    test("the size is in bytes, of binary frames too", async () => {
      const peer = await scene.connect();
      peer.send({ text: "界".repeat(MAX_FRAME_BYTES / 3 + 1) });
      expect((await peer.closed).code).toBe(1009);
      const other = await scene.connect();
      other.send({ binary: new Uint8Array(MAX_FRAME_BYTES + 1) });
      expect((await other.closed).code).toBe(1009);
    });

    test.each([
      ["a lone continuation byte", [0x80]],
      ["an overlong slash", [0xc0, 0xaf]],
      ["a surrogate", [0xed, 0xa0, 0x80]],
      ["past the last code point", [0xf4, 0x90, 0x80, 0x80]],
      ["a sequence that is cut off", [0xe4, 0xbd]],
    ])("text that is not UTF-8 (%s) closes with 1007 and reaches nobody", async (_, bytes) => {
      const peer = await scene.connect();
      peer.send({ text: new Uint8Array(bytes) });
      expect((await peer.closed).code).toBe(1007);
      await scene.recorder.untilClosed();
      expect(scene.recorder.events.all).toEqual(["opened", "closed 1006"]);
    });

    test("text arrives as it was sent, whatever its planes", async () => {
      const said = "\ufeff你好, 𠮷 and \u0000 é 👩‍👩‍👧";
      scene.recorder.on = (event, connection) => event.startsWith("text") && connection.send(event.slice(5));
      const peer = await scene.connect();
      peer.send({ text: said });
      expect(await peer.next()).toEqual(textFrame(said));
      expect(scene.recorder.events.all).toEqual(["opened", `text ${said}`]);
    });
  });

  test.each(["opened", "text 1", "binary 1", "ponged p", "drained", "closed 4001"])(
    "an exception out of %s goes to `failed`, and the process and the next event live",
    async (where) => {
      const failure = new Error(`from ${where}`);
      scene.recorder.on = (event) => {
        if (event === where) throw failure;
      };
      const peer = await scene.connect();
      if (where === "drained") {
        peer.stopReading();
        while (scene.connection.send("x".repeat(16 * 1024)) === 0);
        peer.startReading();
        await scene.recorder.until("drained");
      }
      peer.send({ text: "1" }, { binary: new Uint8Array(1) }, { pong: "p" }, { close: 4001, reason: "" });
      await scene.recorder.untilClosed();
      expect(scene.recorder.events.all.filter((event) => event !== "drained")).toEqual([
        "opened",
        "text 1",
        "binary 1",
        "ponged p",
        "closed 4001",
      ]);
      expect(scene.failures.splice(0)).toEqual([failure]);
    },
  );
}
