import { beforeEach, describe, expect, test } from "bun:test";
import { MAX_BUFFERED_BYTES, type Scene, textFrame } from "./transport-scene.ts";

/** More frames of 16 KiB than any system buffers for one connection. */
const MOST_SENDS = 4_000;

/** What happens where one end is faster than the other. */
export function flowContract(current: () => Scene): void {
  let scene: Scene;
  beforeEach(() => {
    scene = current();
  });

  describe("send", () => {
    test("answers 0 when all went out, and -1 once the connection has ended", async () => {
      const peer = await scene.connect();
      expect(scene.connection.send("hello")).toBe(0);
      expect(await peer.next()).toEqual(textFrame("hello"));
      scene.connection.terminate();
      expect(scene.connection.send("too late")).toBe(-1);
      expect((await peer.closed).code).toBe(1006);
    });

    test("answers the bytes that wait for a slow peer; `drained` follows, and nothing is missing", async () => {
      const peer = await scene.connect();
      peer.stopReading();
      const sent: string[] = [];
      const sendOne = () => {
        const frame = `${sent.length}:`.padEnd(16 * 1024, "x");
        sent.push(frame);
        return scene.connection.send(frame);
      };
      let waiting = 0;
      while (waiting === 0) waiting = sendOne();
      expect(waiting).toBeGreaterThan(0);
      expect(sendOne()).toBeGreaterThan(waiting);
      peer.startReading();
      expect(await scene.recorder.next()).toBe("drained");
      expect(scene.connection.send("after")).toBe(0);
      for (const frame of [...sent, "after"]) expect(await peer.next()).toEqual(textFrame(frame));
    });

    test("a frame too many for a slow peer loses the connection: -1, then `closed`", async () => {
      const peer = await scene.connect();
      peer.stopReading();
      const answers: number[] = [];
      while (answers.length < MOST_SENDS && answers.at(-1) !== -1)
        answers.push(scene.connection.send("x".repeat(16 * 1024)));
      expect(answers.at(-1)).toBe(-1);
      const most = answers.at(-2);
      expect(most).toBeGreaterThan(MAX_BUFFERED_BYTES - 32 * 1024);
      expect(most).toBeLessThan(MAX_BUFFERED_BYTES + 32 * 1024);
      expect(scene.connection.send("one more")).toBe(-1);
      expect(await scene.recorder.next()).toBe("closed 1006");
    });

    test("what was sent before a close goes out before it, to a slow peer too", async () => {
      const peer = await scene.connect();
      peer.stopReading();
      let sent = 0;
      while (scene.connection.send("x".repeat(16 * 1024)) === 0) sent += 1;
      scene.connection.close(4011, "slow");
      expect(scene.connection.send("after the close")).toBe(-1);
      peer.startReading();
      expect(await peer.closed).toEqual({ code: 4011, reason: "slow" });
      expect(peer.received).toBe(sent + 1);
    });
  });

  test("what is corked, or sent to others meanwhile, arrives whole and in order", async () => {
    const first = await scene.connect();
    const one = scene.connection;
    const second = await scene.connect();
    const two = scene.connection;
    one.cork(() => {
      one.send("a");
      two.cork(() => {
        two.send("A");
        one.send("b");
        two.send("B");
      });
      one.send("c");
    });
    for (const payload of ["a", "b", "c"]) expect(await first.next()).toEqual(textFrame(payload));
    for (const payload of ["A", "B"]) expect(await second.next()).toEqual(textFrame(payload));
  });

  describe("pause", () => {
    /** A second connection makes its way: the first had every chance to go on by then. */
    async function everyChance(): Promise<void> {
      const other = await scene.connect();
      other.send({ text: "other" });
      await scene.recorder.until("text other");
    }

    test("holds frames and pongs, those read already too, and lets them go in order", async () => {
      scene.recorder.on = (event, connection) => event === "text 1" && connection.pause();
      const peer = await scene.connect();
      const paused = scene.connection;
      peer.send({ text: "1" }, { text: "2" }, { pong: "p" }, { binary: new Uint8Array(2) });
      await scene.recorder.until("text 1");
      peer.send({ text: "3" });
      await everyChance();
      expect(scene.recorder.events.all).toEqual(["opened", "text 1", "opened", "text other"]);
      paused.resume();
      await scene.recorder.until("text 3");
      expect(scene.recorder.events.all.slice(4)).toEqual(["text 2", "ponged p", "binary 2", "text 3"]);
    });

    test("may come again while what was held is let go", async () => {
      scene.recorder.on = (event, connection) => /^text \d/.test(event) && connection.pause();
      const peer = await scene.connect();
      const paused = scene.connection;
      peer.send({ text: "1" }, { text: "2" }, { text: "3" });
      for (const expected of ["text 1", "text 2", "text 3"]) {
        await everyChance();
        expect(scene.recorder.events.all.filter((event) => /^text \d/.test(event)).at(-1)).toBe(expected);
        paused.resume();
      }
    });

    test("`resume` in the middle of an event lets that event end first", async () => {
      scene.recorder.on = (event, connection) => event === "text 1" && connection.pause();
      const peer = await scene.connect();
      const paused = scene.connection;
      peer.send({ text: "1" }, { text: "2" }, { text: "3" });
      await everyChance();
      const trace: string[] = [];
      scene.recorder.on = (event) => {
        trace.push(`begin ${event}`);
        if (event === "text 2") {
          paused.pause();
          paused.resume();
        }
        trace.push(`end ${event}`);
      };
      paused.resume();
      trace.push("resumed");
      await scene.recorder.until("text 3");
      expect(trace).toEqual(["resumed", "begin text 2", "end text 2", "begin text 3", "end text 3"]);
    });

    test("does not keep the connection from being written to and closed; what was held is not delivered then", async () => {
      scene.recorder.on = (event, connection) => event === "text 1" && connection.pause();
      const peer = await scene.connect();
      peer.send({ text: "1" }, { text: "2" });
      await scene.recorder.until("text 1");
      expect(scene.connection.send("still here")).toBe(0);
      scene.connection.resume();
      scene.connection.close(4003, "no");
      expect(await peer.next()).toEqual(textFrame("still here"));
      expect(await peer.closed).toEqual({ code: 4003, reason: "no" });
      expect(scene.recorder.events.all).toEqual(["opened", "text 1", "closed 4003"]);
    });
  });
}
