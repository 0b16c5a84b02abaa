import type { FaultServer } from "../support/fault-server.ts";
import { range } from "../support/fleet.ts";
import type { Report } from "../support/report.ts";
import { PlainSocket } from "./plain-socket.ts";

const PUSHES = 100;

/** A client that knows nothing of acknowledgements is away during 100 pushes, and comes back twice. */
export async function originalClient(report: Report, server: FaultServer, userId: number): Promise<void> {
  const { token } = await server.api<{ token: string }>("POST", "/api/tokens/", { user_id: userId });
  const open = () => PlainSocket.open(server.port, `/ws/device/token/${token}/`);
  const first = await open();
  await first.end();
  for (const n of range(1, PUSHES)) {
    await server.api("POST", "/api/messages/", { type: "notice", user_id: userId, message: n });
  }
  const back = await open();
  const got = await back.take(PUSHES);
  const more = await back.rest();
  await back.end();
  const again = await open();
  const repeated = await again.rest();
  await again.end();
  const inOrder = got.filter(({ message }, index) => message === index + 1).length;
  report.add(`original client, away during ${PUSHES} pushes: got in order when it came back`, inOrder, "", {
    equals: PUSHES,
  });
  report.add("original client: more than these", more.length, "", { equals: 0 });
  report.add("original client: again when it came back once more", repeated.length, "", { equals: 0 });
}
