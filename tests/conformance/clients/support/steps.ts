import type { FakeConnection } from "@qy-lty/testkit";
import type { Driver } from "./driver.ts";

let marks = 0;

/** The connection has ended: lets the time pass that the client waits. Answers how long that is, milliseconds. */
export async function back(driver: Driver): Promise<number> {
  const { delay_ms } = await driver.next({ event: "state", state: "waiting" });
  await driver.advance(Math.ceil(Number(delay_ms)) + 1);
  return Number(delay_ms);
}

/** Resolves when the client has read everything that was sent to it. */
export async function read(driver: Driver, connection: FakeConnection): Promise<void> {
  marks += 1;
  connection.say({ type: "skip", seq: 0, reason: `mark ${marks}` });
  await driver.next({ event: "skip", reason: `mark ${marks}` });
}

/** Lets time pass on a connection that is alive: once the client has read everything, and again before more passes. */
export async function elapsed(driver: Driver, connection: FakeConnection, ms: number, stepMs = 10_000): Promise<void> {
  await read(driver, connection);
  for (let rest = ms; rest > 0; rest -= stepMs) {
    await driver.advance(Math.min(rest, stepMs));
    await read(driver, connection);
  }
}
