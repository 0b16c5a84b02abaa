import { describe, expect, test } from "bun:test";
import { Mailbox } from "./mailbox.ts";

describe("Mailbox", () => {
  test("gives what came, and then what comes, in order", async () => {
    const mailbox = new Mailbox<number>();
    mailbox.push(1);
    expect(await mailbox.next()).toBe(1);
    const next = mailbox.next();
    mailbox.push(2);
    mailbox.push(3);
    expect([await next, mailbox.waiting, mailbox.all]).toEqual([2, [3], [1, 2, 3]]);
  });

  test("passes over what is not wanted", async () => {
    const mailbox = new Mailbox<number>();
    const even = mailbox.nextWhere((item) => item % 2 === 0);
    for (const item of [1, 3, 4, 5]) mailbox.push(item);
    expect([await even, await mailbox.next()]).toEqual([4, 5]);
  });

  test("once it has ended, gives what is left, and then fails", async () => {
    const mailbox = new Mailbox<number>();
    mailbox.push(1);
    mailbox.end(new Error("over"));
    expect(await mailbox.next()).toBe(1);
    await expect(mailbox.next()).rejects.toThrow("over");
  });

  test("fails who waits when it ends", async () => {
    const mailbox = new Mailbox<number>();
    const next = mailbox.next();
    mailbox.end(new Error("over"));
    await expect(next).rejects.toThrow("over");
  });

  test("serves several who wait at once, each with an item of its own", async () => {
    const mailbox = new Mailbox<number>();
    const both = Promise.all([mailbox.next(), mailbox.next()]);
    mailbox.push(1);
    mailbox.push(2);
    expect((await both).toSorted()).toEqual([1, 2]);
  });
});
