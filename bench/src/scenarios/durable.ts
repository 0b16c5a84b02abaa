import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SUBPROTOCOL } from "@qy-lty/protocol";
import { pushTo, USERS } from "./push.ts";
import { PUBLISHERS, type Scenario } from "./scenario.ts";

const FANOUT_CONNECTIONS = 1_000;

/** Sockets of `lty.v1`, which acknowledge what they are sent. To a peer the header means nothing, and nothing is acknowledged. */
const ACKNOWLEDGING = ["--header", `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`, "--ack"] as const;

/** A push that is on disk before it is answered, and acknowledged by who received it. */
export const durable: Scenario = {
  name: "durable",
  title: () => `durable POST /api/messages/ to one of ${USERS} users, 16 HTTP connections`,
  servers: [...PUBLISHERS, "redis"],
  metrics: [
    { id: "rate", unit: "2xx/s", better: "higher", goal: { atLeast: 0.28 } },
    { id: "cpu", unit: "CPU µs/push", better: "lower" },
  ],
  measure: (server, bench) => pushTo(server, bench, { ttl: null, extra: ACKNOWLEDGING }),
};

/** One message of the log to many: the sockets are all of one user, and the next publish waits for the last of them. */
export const durableFanout: Scenario = {
  name: "durable-fanout",
  title: () => "durable POST /api/messages/ to a user with 1,000 sockets, one publish outstanding",
  servers: PUBLISHERS,
  metrics: [
    { id: "cpu", unit: "CPU µs/delivery", better: "lower", goal: { atMost: 12 / 4.9 }, goalText: "≤ 12/4.9 × bare" },
    { id: "rate", unit: "deliveries/s", better: "higher" },
  ],
  async measure(server, bench) {
    const { users, file, admin } = bench.credentials;
    const one = join(dirname(file), "one-token.txt");
    writeFileSync(one, users[0] ?? "");
    const { report } = await bench.load(server, {
      mode: "listen",
      connections: FANOUT_CONNECTIONS,
      extra: [
        ...["--tokens-file", one, ...ACKNOWLEDGING],
        ...["--match", '"notice"', "--publish-http", `${server.origin}/api/messages/`],
        ...["--publish-body", '{"type":"notice","message":{"text":"hello, everyone","n":{seq}},"user_id":1}'],
        ...["--publish-header", `Authorization: Token ${admin}`],
      ],
    });
    return {
      values: { cpu: report.server_cpu_us_per_msg, rate: report.msg_per_s },
      generatorPct: report.client_cpu_pct,
      serverPct: report.server_cpu_pct,
    };
  },
};
