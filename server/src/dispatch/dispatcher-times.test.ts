import { expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { ManualClock, startTestGateway } from "@qy-lty/testkit";
import { fixed } from "../providers/weather/fixed.ts";
import { MemoryTransport } from "../transport/memory.ts";

/** A gateway whose weather takes as long as a question's city says, milliseconds; what is past 5 s fails. */
async function start() {
  const clock = new ManualClock();
  const slow = async (city: string, signal: () => AbortSignal) => {
    await Promise.resolve();
    clock.advance(Number(city));
    if (Number(city) > 5_000) throw new GatewayError("UPSTREAM_FAILED");
    return fixed.now("北京", signal);
  };
  const gateway = await startTestGateway({
    transport: new MemoryTransport(),
    clock,
    services: { weather: { now: slow } },
  });
  const socket = await gateway.enter((await gateway.person()).token);
  const ask = (city: number) => socket.ask({ type: "weather", message: String(city) });
  const weather = gateway.gateway.events.operations.named("weather");
  return { gateway, socket, ask, weather };
}

test("a skill that takes longer than a second is a warning with its type and the time", async () => {
  const { gateway, ask } = await start();
  await using _gateway = gateway;
  await ask(1_000);
  expect(gateway.log.saying("slow operation")).toEqual([]);
  await ask(1_001);
  expect(gateway.log.saying("slow operation")).toMatchObject([{ level: 40, operation: "weather", duration_ms: 1_001 }]);
});

test("what a skill took is counted with whether it failed", async () => {
  const { gateway, ask, weather } = await start();
  await using _gateway = gateway;
  await ask(20);
  await ask(6_000);
  expect(weather.report()).toMatchObject({ count: 2, errors: 1, max_ms: 6_000, recent: { p50_ms: 20 } });
});

test("a body that is not understood counts as an error of its skill", async () => {
  const { gateway, socket, weather } = await start();
  await using _gateway = gateway;
  await socket.ask({ type: "weather", message: 7 });
  expect(weather.report()).toMatchObject({ count: 1, errors: 1 });
});

test("the time of a frame begins when its turn comes, not when it came", async () => {
  const { gateway, ask, weather } = await start();
  await using _gateway = gateway;
  await Promise.all([ask(700), ask(30)]);
  expect(weather.report().recent).toMatchObject({ count: 2, p50_ms: 30, max_ms: 700 });
});
