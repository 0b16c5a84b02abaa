import { DEFAULT_QUOTA } from "@qy-lty/server/store/log-store.ts";
import type { FaultServer } from "../support/fault-server.ts";
import { Fleet } from "../support/fleet.ts";
import { HttpConnection } from "../support/http-connection.ts";
import type { Report } from "../support/report.ts";

const CONNECTIONS = 64;
const BEYOND = 200;
const PATIENCE_MS = 60_000;

/** A device is away until no more is taken for its user, comes back, and gets all of it; then there is room again. */
export async function quota(report: Report, server: FaultServer, userId: number): Promise<void> {
  const { messages } = DEFAULT_QUOTA;
  const statuses = new Map<number | undefined, number>();
  const push = async (count: number) => {
    let issued = 0;
    const work = async () => {
      const connection = new HttpConnection(() => server.port, server.admin);
      while (issued < count) {
        issued += 1;
        const answer = await connection.post("/api/messages/", `{"type":"notice","user_id":${userId},"message":1}`);
        statuses.set(answer?.status, (statuses.get(answer?.status) ?? 0) + 1);
      }
      connection.close();
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  };
  await push(messages + BEYOND);
  report.add("quota: taken for a device that is away", statuses.get(200) ?? 0, "", { equals: messages });
  report.add("quota: answered 507", statuses.get(507) ?? 0, "", { equals: BEYOND });
  await using fleet = new Fleet(server, [userId]);
  await fleet.connect();
  await fleet.handles(messages, PATIENCE_MS);
  report.add("quota: of what was taken handled by the device when it came back", fleet.handled, "", {
    equals: messages,
  });
  report.none("quota: order violations on the wire", fleet.record.outOfOrder);
  // Acknowledgements are written every 200 ms, and have room made by them at the latest.
  const taken = () => statuses.get(200) ?? 0;
  for (let tries = 0; taken() === messages && tries < 1_000; tries++) await push(1);
  report.add("quota: taken once there is room again", taken() - messages, "", { equals: 1 });
  await fleet.handles(messages + 1, PATIENCE_MS);
  report.add("quota: handled in all", fleet.handled, "", { equals: messages + 1 });
}
