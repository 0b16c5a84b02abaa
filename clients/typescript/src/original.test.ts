import { expect, test } from "bun:test";
import { Mailbox, startTestGateway } from "@qy-lty/testkit";
import type { ServerFrame } from "./frames.ts";
import { DeviceWebSocketClient } from "./original.ts";

test("the usage example of the original document runs with the import changed", async () => {
  await using gateway = await startTestGateway();
  const anna = await gateway.person();
  const told = new Mailbox<string>();

  const client = new DeviceWebSocketClient(anna.token, gateway.url.replace("http", "ws"));
  client.onConnect = () => told.push("connected");
  client.onDisconnect = ({ code }) => told.push(`disconnected ${code}`);
  client.onMessage("chat_response", (data) => told.push(`chat ${String(data.message)}`));
  client.onMessage("weather_response", (data) => told.push(`weather ${JSON.stringify(data.data).slice(0, 24)}`));
  client.onMessage("connection_status", (data) => told.push(`status ${String(data.status)}`));
  client.onMessage("sing_response", (data) => told.push(String(data.message)));
  client.onMessage("dance_response", (data) => told.push(String(data.message)));
  expect(client.sendChatMessage("too early")).toBe(false);
  expect(client.ws).toBeNull();
  client.connect();
  expect([await told.next(), await told.next()]).toEqual(["connected", "status connected"]);
  expect(client.ws?.readyState).toBe(1);

  expect(client.sendChatMessage("你好")).toBe(true);
  expect(await told.next()).toBe("chat 收到消息:你好");
  client.requestWeather("北京");
  expect(await told.next()).toBe('weather {"city":{"name":"北京"},"w');
  client.requestSing("青花瓷", "周杰伦");
  expect(await told.next()).toBe("开始播放:青花瓷 - 周杰伦");
  client.requestDance("华尔兹", "古典");
  expect(await told.next()).toBe("开始跳舞:华尔兹 (古典)");
  client.disconnect();
  expect(await told.next()).toBe("disconnected 1000");
  expect(client.sendMessage("ping", {})).toBe(false);
});

test("what it missed comes when it is back, once", async () => {
  await using gateway = await startTestGateway();
  const anna = await gateway.person();
  const backend = await gateway.token({ service: "backend" });
  const push = (message: string) =>
    gateway.http("POST", "/api/messages/", { token: backend, body: { type: "notice", message, user_id: anna.id } });
  const notices = new Mailbox<ServerFrame>();
  const up = new Mailbox<string>();
  const client = new DeviceWebSocketClient(anna.token, gateway.url, { random: () => 0 });
  client.onConnect = () => up.push("up");
  client.onMessage("notice", (frame) => notices.push(frame));
  client.connect();
  await up.next();
  await push("one");
  expect((await notices.next()).message).toBe("one");
  client.disconnect();
  await push("two");
  client.connect();
  expect((await notices.next()).message).toBe("two");
  await push("three");
  expect((await notices.next()).message).toBe("three");
  expect(notices.all).toHaveLength(3);
  client.disconnect();
});

test("its heartbeat and its reconnect may still be called", () => {
  const client = new DeviceWebSocketClient("t", "ws://127.0.0.1:9");
  client.startHeartbeat();
  expect(client.heartbeatInterval).not.toBeNull();
  client.stopHeartbeat();
  expect(client.heartbeatInterval).toBeNull();
  client.reconnect();
  expect(client.maxReconnectAttempts).toBe(Number.POSITIVE_INFINITY);
  client.disconnect();
});
