import { beforeEach, describe, expect, test } from "bun:test";
import { PongedFeed } from "./feed.ts";
import { settle, Workbench } from "./testing/workbench.ts";

const USER = "user:1";

/** A socket that keeps what is pushed until it is flushed, as a session does. */
class TestSocket {
  readonly sent: string[] = [];
  readonly pings: string[] = [];
  readonly congested = false;
  #outgoing: string[] = [];
  feed: PongedFeed | undefined;

  push(frame: string): void {
    this.#outgoing.push(frame);
  }

  ping(payload: string): void {
    this.pings.push(payload);
  }

  stalled(): void {}

  /** What was pushed in this turn goes out. */
  flush(): void {
    this.sent.push(...this.#outgoing.splice(0));
    this.feed?.flushed();
  }
}

describe("a peer that never pongs", () => {
  let bench: Workbench;
  let socket: TestSocket;
  let feed: PongedFeed;

  beforeEach(async () => {
    bench = new Workbench();
    socket = new TestSocket();
    const { consumer } = await bench.attach(USER);
    feed = new PongedFeed({ consumer, deviceId: null, socket, services: bench, seenBefore: consumer.sent });
    socket.feed = feed;
    feed.fill();
    bench.clock.advance(1_000);
    await settle();
  });

  test("acknowledges a batch by the first frame behind it", async () => {
    await bench.take(2);
    feed.fill();
    socket.flush();
    expect(socket.sent).toHaveLength(2);
    feed.heard();
    expect(await bench.saved(USER)).toBe(2);
  });

  test("acknowledges nothing by a frame that came before the batch went out", async () => {
    await bench.take(2);
    feed.fill();
    feed.heard();
    expect(socket.sent).toEqual([]);
    expect(await bench.saved(USER)).toBe(0);
    socket.flush();
    feed.heard();
    expect(await bench.saved(USER)).toBe(2);
  });
});
