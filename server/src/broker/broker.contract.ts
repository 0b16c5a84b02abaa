import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Mailbox } from "@qy-lty/testkit";
import type { Broker, Notice } from "./broker.ts";

/** Brokers that can hear one another. */
export interface BrokersUnderTest extends AsyncDisposable {
  /** Another node, which is not started. */
  join(): Broker;
}

/** A node as a test sees it. */
export class Ear {
  readonly heard = new Mailbox<Notice>();
  readonly followed = new Mailbox<readonly number[] | null>();
  readonly changes = new Mailbox<boolean>();

  constructor(readonly broker: Broker) {
    broker.start({
      heard: (notice) => this.heard.push(notice),
      following: (userIds) => this.followed.push(userIds),
      changed: (isUp) => this.changes.push(isUp),
    });
  }

  /** Follows a user, and waits until it does. */
  async follow(userId: number): Promise<void> {
    this.broker.follow(userId);
    for (;;) {
      const followed = await this.followed.next();
      if (followed === null || followed.includes(userId)) return;
    }
  }
}

export function frameFor(userId: number, frame = "{}"): Notice {
  return { kind: "frame", userId, deviceId: null, appsOnly: false, frame };
}

const END: Notice = { kind: "broadcast", frame: "end" };

/** What every broker owes the nodes. */
export function brokerContract(name: string, open: () => Promise<BrokersUnderTest>): void {
  describe(`${name} as a broker`, () => {
    let brokers: BrokersUnderTest;
    let nodes: Ear[];
    beforeEach(async () => {
      brokers = await open();
      nodes = [];
    });
    afterEach(async () => {
      await Promise.all(nodes.map(({ broker }) => broker.stop()));
      await brokers[Symbol.asyncDispose]();
    });

    const join = async (): Promise<Ear> => {
      const node = new Ear(brokers.join());
      nodes.push(node);
      while (!node.broker.isUp) await node.changes.next();
      return node;
    };
    /** What a node hears until another's broadcast of the end. */
    const until = async (node: Ear): Promise<Notice[]> => {
      const heard: Notice[] = [];
      for (let notice = await node.heard.next(); notice.kind !== "broadcast"; notice = await node.heard.next())
        heard.push(notice);
      return heard;
    };

    test("a node hears of whom it follows, and of nobody else", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      await a.follow(1);
      await b.follow(2);
      const message = { seq: 7, messageId: "m", deviceId: 3, head: '{"é😀":1', bytes: 9, expiresAt: 5 };
      const notice: Notice = { kind: "message", userId: 1, message };
      c.broker.say(notice);
      c.broker.say(frameFor(2));
      c.broker.say(frameFor(3));
      c.broker.say(END);
      expect(await until(a)).toEqual([notice]);
      expect(await until(b)).toEqual([frameFor(2)]);
    });

    test("a node never hears itself", async () => {
      const [a, b] = [await join(), await join()];
      await a.follow(1);
      a.broker.say(frameFor(1, "mine"));
      a.broker.say(END);
      b.broker.say(frameFor(1, "yours"));
      b.broker.say(END);
      expect(await until(a)).toEqual([frameFor(1, "yours")]);
      expect(await until(b)).toEqual([]);
    });

    test("a node hears no more of whom it follows no more", async () => {
      const [a, b] = [await join(), await join()];
      await a.follow(1);
      await a.follow(2);
      a.broker.unfollow(1);
      b.broker.say(frameFor(1));
      b.broker.say(frameFor(2));
      b.broker.say(END);
      expect(await until(a)).toEqual([frameFor(2)]);
    });

    test("saying is harmless when it is over", async () => {
      const a = await join();
      await a.broker.stop();
      a.broker.say(END);
      a.broker.follow(1);
      a.broker.unfollow(1);
      expect(a.heard.waiting).toEqual([]);
    });
  });
}
