import { expect, test } from "bun:test";
import { FakeGateway } from "./fake-gateway.ts";
import { Mailbox } from "./mailbox.ts";

interface Client {
  readonly socket: WebSocket;
  readonly frames: Mailbox<Record<string, unknown>>;
  readonly closed: Promise<CloseEvent>;
}

function client(gateway: FakeGateway, first?: object): Client {
  const socket = new WebSocket(`${gateway.wsUrl}/ws/device/${first ? "" : "?token=t&seq=4"}`, ["lty.v1"]);
  const frames = new Mailbox<Record<string, unknown>>();
  socket.onopen = () => first && socket.send(JSON.stringify(first));
  socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)) as Record<string, unknown>);
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.onclose = resolve;
  });
  return { socket, frames, closed };
}

test("a client is known by its query or by its auth frame", async () => {
  await using gateway = FakeGateway.start();
  client(gateway);
  expect((await gateway.accept()).introduction).toEqual({ token: "t", seq: "4" });
  client(gateway, { type: "auth", message: { token: "u", role: "app", seq: 5 } });
  const second = await gateway.accept();
  expect(second.introduction).toEqual({ token: "u", role: "app", seq: "5" });
  expect(second.path).toBe("/ws/device/");
});

test("it greets, pushes, and keeps what is acknowledged", async () => {
  await using gateway = FakeGateway.start();
  const { socket, frames } = client(gateway);
  const connection = await gateway.greet({ top: 2 });
  expect(await frames.next()).toMatchObject({ type: "connection_status", consumer: "device:3", top: 2 });
  expect(socket.protocol).toBe("lty.v1");
  connection.push({ seq: 1 });
  expect(await frames.next()).toMatchObject({ type: "note", message: 1, message_id: "m1", seq: 1 });
  socket.send('{"type":"ack","seq":0,"working":true}');
  socket.send('{"type":"ack","seq":1}');
  await connection.nextOfType("ack");
  await connection.nextOfType("ack");
  expect(connection.acknowledged).toEqual([1]);
});

test("it closes, cuts, refuses, goes away and comes back on the same port", async () => {
  await using gateway = FakeGateway.start();
  const first = client(gateway);
  (await gateway.accept()).close(4009, "replaced");
  expect(await first.closed).toMatchObject({ code: 4009, reason: "replaced" });
  const second = client(gateway);
  (await gateway.accept()).cut();
  expect((await second.closed).code).toBe(1006);
  gateway.refusal = 503;
  expect((await client(gateway).closed).code).not.toBe(1000);
  gateway.refusal = undefined;
  await gateway.stop();
  await client(gateway).closed;
  expect(gateway.handshakes).toBe(3);
  gateway.restart();
  client(gateway);
  expect((await gateway.accept()).path).toBe("/ws/device/");
});
