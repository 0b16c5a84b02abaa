import { describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { MemoryTickets } from "./tickets.ts";

const grant = { tokenId: 7, deviceId: null };

describe("MemoryTickets", () => {
  test("are good once", () => {
    const tickets = new MemoryTickets(new ManualClock());
    const ticket = tickets.issue({ tokenId: 7, deviceId: 3 });
    expect(tickets.redeem(ticket)).toMatchObject({ tokenId: 7, deviceId: 3 });
    expect(tickets.redeem(ticket)).toBeNull();
  });

  test("live 30 s, whatever the wall clock says", () => {
    const clock = new ManualClock();
    const tickets = new MemoryTickets(clock);
    const [early, late] = [tickets.issue(grant), tickets.issue(grant)];
    clock.stepWall(3_600_000);
    clock.advance(29_999);
    expect(tickets.redeem(early)).toMatchObject(grant);
    clock.advance(1);
    expect(tickets.redeem(late)).toBeNull();
  });

  test.each(["", "ltk_", "ltk_unknown", "lty_a-token"])("%j is none", (ticket) => {
    expect(new MemoryTickets(new ManualClock()).redeem(ticket)).toBeNull();
  });

  test("an expired one that is tried does not come back, and does no harm to others", () => {
    const clock = new ManualClock();
    const tickets = new MemoryTickets(clock);
    const old = tickets.issue(grant);
    clock.advance(20_000);
    const young = tickets.issue(grant);
    clock.advance(15_000);
    expect([tickets.redeem(old), tickets.redeem(old)]).toEqual([null, null]);
    tickets.issue(grant);
    expect(tickets.redeem(young)).toMatchObject(grant);
  });

  test("of too many unused the oldest goes", () => {
    const tickets = new MemoryTickets(new ManualClock());
    const first = tickets.issue(grant);
    const second = tickets.issue(grant);
    for (let i = 0; i < 9_999; i++) tickets.issue(grant);
    expect(tickets.redeem(first)).toBeNull();
    expect(tickets.redeem(second)).toMatchObject(grant);
  });

  test("are kept as hashes", () => {
    const tickets = new MemoryTickets(new ManualClock());
    const ticket = tickets.issue(grant);
    expect(Bun.inspect(tickets, { depth: 10 })).not.toContain(ticket);
  });
});
