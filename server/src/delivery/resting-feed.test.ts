import { beforeEach, describe, expect, test } from "bun:test";
import type { Consumer } from "./consumer.ts";
import { AcknowledgedFeed, type FeedSocket } from "./feed.ts";
import { RestingFeed, type RestingServices } from "./resting-feed.ts";
import { settle, Workbench } from "./testing/workbench.ts";

const KEY = { consumer: "user:1", userId: 1 };

/** A socket that notes what it is sent: `3`, or `3 again`. */
class NotingSocket implements FeedSocket {
  readonly said: string[] = [];
  readonly congested = false;
  push(text: string): void {
    const { seq, redelivered } = JSON.parse(text) as { seq: number; redelivered?: boolean };
    this.said.push(redelivered ? `${seq} again` : `${seq}`);
  }
  ping(): void {}
  stalled(): void {}
}

describe("a connection that has everything there is", () => {
  let bench: Workbench;
  let consumer: Consumer;
  let wakes: number;
  beforeEach(async () => {
    bench = new Workbench();
    await bench.take(2);
    const { epoch } = bench.memory.position(1);
    consumer = bench.consumers.adopt({ ...KEY, epoch, acked: 2, sent: 2, attempts: 0 });
    wakes = 0;
  });

  const wake: RestingServices["wake"] = (socket, of, deviceId, seenBefore) => {
    wakes += 1;
    return new AcknowledgedFeed({ socket, consumer: of, deviceId, seenBefore, services: bench });
  };
  const connect = () => {
    const socket = new NotingSocket();
    return { socket, feed: new RestingFeed(socket, consumer, null, { consumers: bench.consumers, wake }) };
  };
  /** Takes a message, and offers it to `feeds`. */
  const offer = async (...feeds: RestingFeed[]) => {
    await bench.take(1);
    const { top } = bench.memory.position(1);
    const [message] = bench.memory.read(1, top - 1, 1);
    for (const feed of feeds) if (message !== undefined) feed.offer(message);
    await settle();
  };

  test("rests, whatever it is told that it knows", () => {
    const { feed } = connect();
    feed.catchUp(2);
    feed.flushed();
    feed.heard();
    feed.ponged("2");
    expect([wakes, feed.hasTrailer, feed.acknowledge(2, false), feed.acknowledge(3, false)]).toEqual([
      0,
      false,
      true,
      false,
    ]);
  });

  test("wakes for a message, once, and acknowledges it", async () => {
    const { socket, feed } = connect();
    await offer(feed);
    await offer(feed);
    expect([wakes, socket.said]).toEqual([1, ["3", "4"]]);
    expect(feed.acknowledge(4, false)).toBe(true);
    expect(consumer.acked).toBe(4);
  });

  test("is written down once there is something to wait for, acknowledged or not", async () => {
    const { feed } = connect();
    await bench.consumers.flush();
    expect(bench.memory.cursor(KEY)).toBeUndefined();
    await offer(feed);
    await bench.consumers.flush();
    expect(bench.memory.cursor(KEY)).toMatchObject({ acked: 2 });
  });

  test("wakes for what it was not offered", async () => {
    const { socket, feed } = connect();
    await offer();
    feed.catchUp(3);
    await settle();
    expect(socket.said).toEqual(["3"]);
  });

  test("holds the cursor for what it has not been offered yet, and is sent it unmarked", async () => {
    const [one, other] = [connect(), connect()];
    await offer(one.feed);
    one.feed.acknowledge(3, false);
    expect(consumer.acked).toBe(2);
    other.feed.catchUp(3);
    await settle();
    expect(other.socket.said).toEqual(["3"]);
    other.feed.acknowledge(3, false);
    expect(consumer.acked).toBe(3);
  });

  test("that wakes lets go of nothing that is held for one that left", async () => {
    const [one, other] = [connect(), connect()];
    one.feed.close();
    await offer(other.feed);
    other.feed.acknowledge(3, false);
    expect(consumer.acked).toBe(2);
    const back = connect();
    back.feed.catchUp(3);
    await settle();
    expect(back.socket.said).toEqual(["3 again"]);
  });

  test("leaves its consumer when it ends, awake or not; then it is forgotten", async () => {
    const [one, other] = [connect(), connect()];
    await offer(one.feed);
    one.feed.close();
    expect(consumer.connections).toBe(1);
    other.feed.close();
    other.feed.close();
    other.feed.fill();
    expect([consumer.connections, wakes]).toEqual([0, 1]);
    await bench.consumers.flush();
    expect(bench.consumers.known(KEY)).toBeUndefined();
  });
});
