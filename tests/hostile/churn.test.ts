import { expect, test } from "bun:test";
import { churn } from "./churn/run.ts";
import { GatewayProcess } from "./support/gateway-process.ts";
import { Wire } from "./support/wire.ts";

/** `npm run test:churn` goes on for 5 minutes, and watches the memory too. */
const SECONDS = 5;

test("200 opens and closes a second, in every way: none goes wrong, and nothing is left of them", async () => {
  const { visits, failures, errors, left } = await churn({
    seconds: SECONDS,
    warmUpSeconds: SECONDS,
    sampleEverySeconds: SECONDS,
  });
  expect(failures).toEqual([]);
  expect(errors).toEqual([]);
  expect(visits).toBe(200 * SECONDS);
  expect(Object.entries(left).filter(([, count]) => count > 0)).toEqual([]);
}, 60_000);

test("what is counted is there while somebody is", async () => {
  await using gateway = await GatewayProcess.start({}, 1);
  const [holder] = gateway.holders;
  using _device = await Wire.open(gateway.port, holder?.deviceToken ?? "");
  using _app = await Wire.open(gateway.port, holder?.userToken ?? "");
  const census = await gateway.census();
  const one = ["userTopics", "deviceTopics"].map((name) => [name, 1]);
  const two = ["size", "sockets", "Session", "SocketConnection", "Consumer", "RestingFeed"].map((name) => [name, 2]);
  expect(census).toMatchObject(Object.fromEntries([...one, ...two]));
});
