import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeFrame, encodeClose, encodeFrame, Opcode } from "./raw-frames.ts";

describe("raw frames", () => {
  test("unmasked, come back as they went, and leave alone what follows", () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(...[125, 126, 65_535, 65_536].map((n) => new Uint8Array(n).fill(7))),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(Opcode)),
        payload,
        fc.uint8Array({ maxLength: 5 }),
        (opcode, bytes, more) => {
          const encoded = Buffer.concat([encodeFrame(opcode, bytes, { masked: false }), more]);
          const decoded = decodeFrame(encoded);
          expect(decoded?.frame.opcode).toBe(opcode);
          expect(Buffer.compare(decoded?.frame.payload ?? Buffer.alloc(0), Buffer.from(bytes))).toBe(0);
          expect(Buffer.compare(decoded?.rest ?? Buffer.alloc(0), Buffer.from(more))).toBe(0);
          expect(decodeFrame(encoded.subarray(0, encoded.byteLength - more.byteLength - 1))).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });

  test("masked, are as in RFC 6455 §5.7 but for the key", () => {
    const frame = encodeFrame(Opcode.text, "Hello");
    expect([frame[0], frame[1], frame.byteLength]).toEqual([0x81, 0x85, 11]);
    const key = frame.subarray(2, 6);
    const text = frame.subarray(6).map((byte, i) => byte ^ (key[i % 4] ?? 0));
    expect(Buffer.from(text).toString()).toBe("Hello");
  });

  test("take the shape that is wanted", () => {
    expect(encodeFrame(Opcode.text, "", { final: false, reserved: 0b101, masked: false })).toEqual(
      Buffer.from([0x51, 0]),
    );
    expect(encodeFrame(3, "a", { masked: false, claimedLength: 70_000 })).toEqual(
      Buffer.from([0x83, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 0x61]),
    );
  });

  test("a close carries its code and reason", () => {
    expect(encodeClose(4001, "no")).toEqual(Buffer.from([0x0f, 0xa1, 0x6e, 0x6f]));
  });
});
