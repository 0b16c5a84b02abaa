import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway } from "@qy-lty/testkit";
import { range } from "./support/reliable.ts";

/** Nobody is meant to do this; a rolling restart does it for a moment, and an operator by mistake. */
test("two servers on one file lose nothing, and keep the order: whoever is at the other hears of it by the sweep", async () => {
  await using one = await startTestGateway();
  await using two = await startTestGateway({ config: { databaseUrl: `sqlite:${one.databasePath}` } });
  const { id, token } = await one.person();
  const device = await one.device({ userId: id });
  const deviceToken = await one.token({ device: device.id });
  const open = async (gateway: TestGateway, query: string) => {
    const socket = await gateway.connect(query, { protocols: ["lty.v1"] });
    const greeting = await socket.next();
    return { socket, greeting };
  };
  const { socket: speaker } = await open(one, `token=${deviceToken}`);
  const { socket: phone } = await open(two, `token=${token}&role=app&client_id=phone`);

  const receipts = await Promise.all(
    range(1, 40).map(async (n) => {
      const { gateway } = n % 2 === 0 ? one : two;
      return gateway.delivery.toUser(id, { type: "note", message: n });
    }),
  );
  expect(receipts.map(({ seq }) => seq).toSorted((a, b) => Number(a) - Number(b))).toEqual(range(1, 40));
  const byPlace = new Map(receipts.map(({ seq, messageId }) => [seq, messageId]));
  for (const socket of [speaker, phone]) {
    for (const seq of range(1, 40)) {
      const frame = await socket.next();
      expect(frame).toMatchObject({ seq, message_id: byPlace.get(seq) as string });
      expect(frame).not.toHaveProperty("redelivered");
    }
    socket.send({ type: "ack", seq: 40 });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  }
  // The cursor is on disk once a message's state was asked for.
  const path = `/api/messages/${byPlace.get(40)}/`;
  await one.http("GET", path, { token });
  const { socket: again, greeting } = await open(two, `token=${deviceToken}`);
  expect(greeting).toMatchObject({ acked: 40, top: 40 });
  expect(await again.ask({ type: "ping" })).toMatchObject({ type: "pong" });
}, 60_000);
