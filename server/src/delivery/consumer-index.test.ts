import { describe, expect, test } from "bun:test";
import { Consumer } from "./consumer.ts";
import { ConsumerIndex } from "./consumer-index.ts";

function aConsumer(userId: number, consumer: string): Consumer {
  return new Consumer({ userId, consumer, epoch: "e", acked: 0, sent: 0, attempts: 0 });
}

describe("ConsumerIndex", () => {
  test("finds a consumer by its user and its name, and no other", () => {
    const index = new ConsumerIndex();
    const phone = aConsumer(1, "app:1:phone");
    index.set(phone);
    expect(index.get({ userId: 1, consumer: "app:1:phone" })).toBe(phone);
    expect(index.get({ userId: 1, consumer: "user:1" })).toBeUndefined();
    expect(index.get({ userId: 2, consumer: "app:1:phone" })).toBeUndefined();
  });

  test("keeps several of one user apart, and a device of two users", () => {
    const index = new ConsumerIndex();
    const all = [aConsumer(1, "user:1"), aConsumer(1, "device:3"), aConsumer(1, "device:4"), aConsumer(2, "device:3")];
    for (const consumer of all) index.set(consumer);
    for (const consumer of all) expect(index.get(consumer)).toBe(consumer);
    expect([...index.ofUser(1)]).toEqual(all.slice(0, 3));
    expect([...index.ofUser(2)]).toEqual(all.slice(3));
    expect([...index.ofUser(3)]).toEqual([]);
    expect([...index.all()]).toEqual(all);
  });

  test.each([[["user:1"]], [["user:1", "device:3"]]])(
    "takes one in the place of one of the same name: of %j",
    (names) => {
      const index = new ConsumerIndex();
      for (const name of names) index.set(aConsumer(1, name));
      const later = aConsumer(1, "user:1");
      index.set(later);
      expect(index.get(later)).toBe(later);
      expect([...index.all()]).toHaveLength(names.length);
    },
  );

  test("forgets one by its name, the last with its user", () => {
    const index = new ConsumerIndex();
    const [one, two] = [aConsumer(1, "user:1"), aConsumer(1, "device:3")];
    index.set(one);
    index.delete(two);
    expect([...index.all()]).toEqual([one]);
    index.set(two);
    index.delete(one);
    expect([...index.all()]).toEqual([two]);
    index.delete(two);
    index.delete(two);
    expect([...index.all()]).toEqual([]);
  });
});
