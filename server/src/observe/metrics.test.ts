import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway, type TestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";
import { METRICS } from "./metric-table.ts";

const start = () => startTestGateway({ transport: new MemoryTransport(), clock: new ManualClock() });

/** Every series and its value: `lty_connections{role="app"}` → 0. */
async function scrape(gateway: TestGateway): Promise<ReadonlyMap<string, number>> {
  const { body } = await gateway.http("GET", "/metrics");
  const lines = String(body).split("\n");
  const series = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    series.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("the table", () => {
  test("names each metric once, as Prometheus would have it", () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, help } of METRICS) {
      expect(name).toMatch(/^(lty|process)_[a-z_]+$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(help, name).toMatch(/^[A-Z1].*\.$/s);
    }
  });
});

describe("a scrape", () => {
  test("has every metric, with the labels it says", async () => {
    await using gateway = await start();
    await (await gateway.enter((await gateway.person()).token)).ask({ type: "ping" });
    const series = await scrape(gateway);
    for (const { name, type, labels = [] } of METRICS) {
      const bare = type === "histogram" ? `${name}_count` : name;
      const own = [...series.keys()].filter((key) => key === bare || key.startsWith(`${bare}{`));
      expect(own.length, name).toBeGreaterThan(0);
      for (const key of own) expect([...key.matchAll(/(\w+)="/g)].map((match) => match[1])).toEqual([...labels]);
    }
  });

  test("counts connections by role, how they were refused, and how they ended", async () => {
    await using gateway = await start();
    const { token } = await gateway.person();
    const app = await gateway.enter(token, "role=app");
    await using _other = await gateway.enter(token);
    await (await gateway.connect("token=nonsense")).closed;
    const open = await scrape(gateway);
    expect(open.get('lty_connections{role="app"}')).toBe(1);
    expect(open.get('lty_connections{role="user"}')).toBe(1);
    expect(open.get('lty_connections_opened_total{role="app"}')).toBe(1);
    expect(open.get('lty_connections_refused_total{code="UNAUTHENTICATED"}')).toBe(1);
    expect(open.get('lty_connections_closed_total{code="4001"}')).toBe(1);
    expect(open.get("lty_users_online")).toBe(1);
    app.close(1001);
    await app.closed;
    const after = await scrape(gateway);
    expect(after.get('lty_connections{role="app"}')).toBe(0);
    expect(after.get('lty_connections_closed_total{code="1001"}')).toBe(1);
  });

  test("counts a first frame with a credential", async () => {
    await using gateway = await start();
    const { token } = await gateway.person();
    const socket = await gateway.connect("", { protocols: ["lty.v1"] });
    socket.send({ type: "auth", message: { token } });
    await socket.nextOfType("connection_status");
    expect((await scrape(gateway)).get('lty_frames_received_total{type="auth"}')).toBe(1);
  });

  test("counts frames by type, and what it does not know as other", async () => {
    await using gateway = await start();
    const socket = await gateway.enter((await gateway.person()).token);
    await socket.ask({ type: "ping" });
    for (const bad of ["{", '{"type":"made up"}', '{"type":"chat_message"}']) {
      socket.send(bad);
      await socket.nextOfType("error");
    }
    const series = await scrape(gateway);
    const received = (type: string) => series.get(`lty_frames_received_total{type="${type}"}`);
    expect([received("ping"), received("chat_message"), received("other")]).toEqual([1, 1, 2]);
    expect(received("made up")).toBeUndefined();
    expect(series.get('lty_frames_sent_total{type="pong"}')).toBe(1);
    expect(series.get('lty_frames_sent_total{type="error"}')).toBe(3);
    expect(series.get('lty_errors_total{over="websocket",code="INVALID_JSON"}')).toBe(1);
    expect(series.get('lty_operation_errors_total{operation="chat_message"}')).toBe(1);
    expect(series.get('lty_operation_duration_seconds_count{operation="ping"}')).toBe(1);
    expect(series.get('lty_operation_duration_seconds_bucket{operation="ping",le="10"}')).toBe(1);
  });

  test("counts pushes by what became of them, and deliveries until they are acknowledged", async () => {
    await using gateway = await start();
    const anna = await gateway.person();
    const push = (more: object) =>
      gateway.http("POST", "/api/messages/", {
        token: anna.token,
        body: { user_id: anna.id, type: "note", message: "hi", ...more },
      });
    const socket = await gateway.connect(`token=${anna.token}&role=app&client_id=a`, { protocols: ["lty.v1"] });
    await socket.nextOfType("connection_status");
    await push({ idempotency_key: "k" });
    await push({ idempotency_key: "k" });
    expect((await push({ idempotency_key: "k", message: "other" })).status).toBe(409);
    await push({ ttl: 0 });
    const { seq } = await socket.nextOfType("note");
    const before = await scrape(gateway);
    const pushes = (outcome: string) => before.get(`lty_pushes_total{outcome="${outcome}"}`);
    expect([pushes("accepted"), pushes("duplicate"), pushes("ephemeral")]).toEqual([1, 1, 1]);
    expect(before.get('lty_pushes_refused_total{code="CONFLICT"}')).toBe(1);
    expect(before.get("lty_accepts_outstanding")).toBe(0);
    expect(before.get("lty_accept_batch_size_sum")).toBe(3);
    expect(before.get("lty_accept_duration_seconds_count")).toBe(2);
    expect([before.get("lty_messages_delivered_total"), before.get("lty_messages_in_flight")]).toEqual([1, 1]);
    socket.send({ type: "ack", seq });
    await socket.ask({ type: "ping" });
    const after = await scrape(gateway);
    expect([after.get("lty_messages_acknowledged_total"), after.get("lty_messages_in_flight")]).toEqual([1, 0]);
    expect(after.get('lty_frames_received_total{type="ack"}')).toBe(1);
  });

  test("leaves out what cannot be read, and nothing else", async () => {
    await using gateway = await start();
    const whole = await scrape(gateway);
    gateway.store.queue.sizes = () => {
      throw new Error("the disk is gone");
    };
    const missing = [...whole.keys()].filter((key) => !key.includes("operation"));
    const left = await scrape(gateway);
    expect(missing.filter((key) => !left.has(key)).map((key) => key.split("{")[0])).toEqual([
      "lty_queue_entries",
      "lty_queue_entries",
    ]);
  });

  test("shows no gauge of its own above 0 once everybody has left", async () => {
    await using gateway = await start();
    const anna = await gateway.person();
    const socket = await gateway.connect(`token=${anna.token}&role=app&client_id=a`, { protocols: ["lty.v1"] });
    await socket.nextOfType("connection_status");
    const body = { user_id: anna.id, type: "note", message: "hi" };
    await gateway.http("POST", "/api/messages/", { token: anna.token, body });
    await socket.nextOfType("note");
    socket.close();
    await socket.closed;
    const series = await scrape(gateway);
    const gauges = METRICS.filter(({ name, type }) => type === "gauge" && name.startsWith("lty_"));
    for (const { name } of gauges) {
      const values = [...series].filter(([key]) => key.split("{")[0] === name).map(([, value]) => value);
      expect(
        values.reduce((sum, value) => sum + value, 0),
        name,
      ).toBe(0);
    }
  });
});
