import { expect, test } from "bun:test";
import { fuzz } from "./fuzz/run.ts";

/** `npm run test:fuzz` sends ten times as many, and watches the memory too. */
const FRAMES = 20_000;
const MOST_STALL_MS = 250;

test("20,000 mutated frames: no crash, no internal error, nothing uncaught, and the loop is never held up for long", async () => {
  const seed = Number(process.env.HOSTILE_SEED ?? Date.now() % 1e6);
  console.log(`seed ${seed}`);
  const { frames, errors, stall, answers } = await fuzz({ frames: FRAMES, seed });
  expect(errors).toEqual([]);
  expect(frames).toBeGreaterThanOrEqual(FRAMES);
  expect(stall.ownMs).toBeLessThanOrEqual(MOST_STALL_MS);
  // The frames are bad in every way there is, and good often enough.
  const codes = ["INVALID_JSON", "INVALID_MESSAGE", "UNSUPPORTED_TYPE", "UNSUPPORTED_BINARY", "MESSAGE_TOO_LARGE"];
  const replies = ["pong", "chat_response", "weather_response", "sing_response", "dance_response"];
  const closes = ["close 1002", "close 1007", "close 4001"];
  expect(Object.keys(answers)).toEqual(expect.arrayContaining([...codes, ...replies, ...closes]));
}, 60_000);
