import { expect, test } from "bun:test";
import { faultOf, type LoadReport } from "./wsload.ts";

const GOOD: LoadReport = {
  conns: { requested: 10, ready: 10, failed: 0, lost_during_run: 0 },
  window_s: 1,
  msgs_received: 100,
  msg_per_s: 100,
  frames_other: 0,
  publish: { sent: 10, http_2xx: 10, http_other: 0, missing_deliveries: 0 },
  errors: {},
  http_status: { "101": 10 },
  close_codes: {},
  client_cpu_pct: 50,
  server: [{ rss_per_conn_bytes: 0, alive: true }],
  server_cpu_us_per_msg: 10,
  server_cpu_us_per_connect: 10,
  server_cpu_pct: 99,
};

test("a clean report has no fault", () => {
  expect(faultOf(GOOD)).toBeUndefined();
});

test.each<[Partial<LoadReport>, string]>([
  [{ server: [{ rss_per_conn_bytes: 0, alive: false }] }, "the server died"],
  [{ conns: { requested: 10, ready: 9, failed: 1, lost_during_run: 0 } }, "1 of 10 connections failed"],
  [{ conns: { requested: 10, ready: 10, failed: 0, lost_during_run: 2 } }, "2 connections were lost"],
  [{ frames_other: 3 }, "3 unexpected frames"],
  [{ publish: { sent: 10, http_2xx: 9, http_other: 1, missing_deliveries: 0 } }, "1 publishes were refused"],
  [{ publish: { sent: 10, http_2xx: 10, http_other: 0, missing_deliveries: 4 } }, "4 deliveries are missing"],
])("%p is a fault", (change, text) => {
  expect(faultOf({ ...GOOD, ...change })).toContain(text);
});
