import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Topics } from "./topics.ts";

class Member {
  constructor(readonly name: string) {}
}

const members = ["a", "b", "c", "d"].map((name) => new Member(name));
const step = fc.record({ join: fc.boolean(), topic: fc.integer({ min: 1, max: 3 }), who: fc.nat(members.length - 1) });

describe("Topics", () => {
  test("behaves as sets by topic do", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const topics = new Topics<Member>();
        const model = new Map<number, Set<Member>>([1, 2, 3].map((topic) => [topic, new Set()]));
        for (const { join, topic, who } of steps) {
          const member = members[who] as Member;
          if (join) topics.join(topic, member);
          else topics.leave(topic, member);
          if (join) model.get(topic)?.add(member);
          else model.get(topic)?.delete(member);
        }
        for (const [topic, expected] of model) {
          const seen: Member[] = [];
          expect(topics.each(topic, (member) => seen.push(member))).toBe(expected.size);
          expect(new Set(seen)).toEqual(expected);
          expect(seen).toHaveLength(expected.size);
          expect(topics.has(topic)).toBe(expected.size > 0);
        }
        const listened = [...model].filter(([, set]) => set.size > 0).map(([topic]) => topic);
        expect([...topics.topics()].toSorted()).toEqual(listened);
      }),
      { numRuns: 500 },
    );
  });

  test("members may leave while they are visited", () => {
    const topics = new Topics<Member>();
    for (const member of members) topics.join(7, member);
    const seen: string[] = [];
    const count = topics.each(7, (member) => {
      seen.push(member.name);
      for (const other of members) topics.leave(7, other);
    });
    expect([seen, count, topics.has(7)]).toEqual([["a"], 4, false]);
  });
});
