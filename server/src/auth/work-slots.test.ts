import { expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { WorkSlots } from "./work-slots.ts";

test("some run, some wait in order, and the rest is turned away", async () => {
  const slots = new WorkSlots(2, 2);
  const begun: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = gates.map(({ promise }, n) =>
    slots.run(() => {
      begun.push(n);
      return promise;
    }),
  );
  expect(begun).toEqual([0, 1]);
  const refusal = await slots.run(async () => {}).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(GatewayError);
  expect(refusal).toMatchObject({ code: "UNAVAILABLE", retryAfterMs: 2_000 });

  gates[1]?.reject(new Error("failed"));
  await expect(runs[1]).rejects.toThrow("failed");
  expect(begun).toEqual([0, 1, 2]);
  for (const { resolve } of gates) resolve();
  await Promise.all([runs[0], runs[2], runs[3]]);
  expect(begun).toEqual([0, 1, 2, 3]);
  expect(await slots.run(async () => "again")).toBe("again");
});
