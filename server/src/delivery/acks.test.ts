import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isAcknowledgement, parseAcknowledgement } from "./acks.ts";

/** The one with zeros is no JSON, and was always taken. */
const ACKS: readonly [string, number][] = [
  ['{"type":"ack","seq":0}', 0],
  ['{"type":"ack","seq":7}', 7],
  ['{"type":"ack","seq":999999999999999}', 999_999_999_999_999],
  ['{"type":"ack","seq":9007199254740991}', 9_007_199_254_740_991],
  ['{"type":"ack","seq":007}', 7],
  ['{"type": "ack", "seq": 12}', 12],
  ['{"seq":12,"type":"ack"}', 12],
  ['{"type":"ack","seq":1e3}', 1_000],
];
/** They say that they are acknowledgements, and not of what. */
const BAD = [
  '{"type":"ack"}',
  '{"type":"ack","seq":-1}',
  '{"type":"ack","seq":1.5}',
  '{"type":"ack","seq":"1"}',
  '{"type":"ack","seq":9007199254740992}',
  '{"type":"ack","seq":null}',
];
const OTHERS = [
  '{"type":"ack","seq":}',
  '{"type":"ack","seq":1',
  '{"type":"ack","seq":1}}',
  '{"type":"ack","seq":1} x',
  '{"type":"ack","seq":1:}',
  '{"type":"ping","message":"ack"}',
  "",
];

function parsed(text: string): { readonly type?: unknown } | null {
  try {
    return JSON.parse(text) as { readonly type?: unknown } | null;
  } catch {
    return null;
  }
}

describe("an acknowledgement", () => {
  test.each(ACKS)("%s", (frame, seq) => {
    expect(isAcknowledgement(frame)).toBe(true);
    expect(parseAcknowledgement(frame)).toEqual({ seq, working: false });
  });

  test("says that the client is working", () => {
    expect(parseAcknowledgement('{"type":"ack","seq":3,"working":true}')).toEqual({ seq: 3, working: true });
  });

  test.each(BAD)("of nothing: %s", (frame) => {
    expect(isAcknowledgement(frame)).toBe(true);
    expect(parseAcknowledgement(frame)).toBeNull();
  });

  test.each(OTHERS)("is not %s", (frame) => {
    expect(isAcknowledgement(frame)).toBe(false);
  });

  test("is read as JSON says, however it is written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.string({ maxLength: 3 }), fc.nat(24), (seq, junk, at) => {
        const frame = `{"type":"ack","seq":${seq}}`;
        expect(parseAcknowledgement(frame)).toEqual({ seq, working: false });
        const spoiled = frame.slice(0, at) + junk + frame.slice(at);
        const said = parsed(spoiled);
        const zeros = /^\{"type":"ack","seq":\d{1,15}\}$/.test(spoiled);
        expect(isAcknowledgement(spoiled)).toBe(zeros || said?.type === "ack");
      }),
    );
  });
});
