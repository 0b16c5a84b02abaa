import { ManualClock, startTestGateway, type TestGateway } from "@qy-lty/testkit";
import type { Report } from "../support/report.ts";
import { PlainSocket } from "./plain-socket.ts";

const SECOND = 1_000;
const HANDLER_S = 300;
/** How often a handler that is busy says so, seconds. */
const WORKING_S = 10;
/** Connections that end in the middle of it: one more than what would set a message aside. */
const CUTS = 6;

/** A handler that takes 5 minutes, on a clock that stands still until it is moved; sockets and database are real. */
export async function longHandler(report: Report): Promise<void> {
  const clock = new ManualClock();
  await using gateway = await startTestGateway({ clock });
  const { id } = await gateway.user();
  const device = await gateway.device({ userId: id });
  const token = await gateway.token({ device: device.id });
  const open = () => PlainSocket.open(Number(new URL(gateway.url).port), `/ws/device/?token=${token}`, "lty.v1");
  const admin = await gateway.person({ isAdmin: true });
  const push = async () => {
    const body = { type: "notice", message: "takes 5 minutes", user_id: id };
    const { body: answer } = await gateway.http<{ message_id: string }>("POST", "/api/messages/", {
      token: admin.token,
      body,
    });
    return answer.data.message_id;
  };
  const stateOf = (messageId: string) => state(gateway, admin.token, messageId, `device:${device.id}`);

  const message = await push();
  const socket = await open();
  let runs = 0;
  let last = 0;
  /** What has come; each message is a run of the handler. */
  const look = async () => {
    for (const { seq } of await socket.rest()) {
      if (seq === undefined) continue;
      runs += 1;
      last = seq;
    }
  };
  await look();
  await work(clock, socket, last - 1, HANDLER_S, look);
  socket.send({ type: "ack", seq: last });
  await look();
  report.add(`handler of ${HANDLER_S / 60} min: runs`, runs, "", { equals: 1 });
  report.add(
    "handler of 5 min: acknowledged when it was done",
    Number((await stateOf(message)) === "acknowledged"),
    "",
    {
      equals: 1,
    },
  );
  await socket.end();
  const after = await open();
  const again = await after.rest();
  await after.end();
  report.add("handler of 5 min: sent again on the next connection", again.length, "", { equals: 0 });

  const cut = await push();
  let skipped = 0;
  let unmarked = 0;
  for (let time = 0; time < CUTS; time++) {
    const brief = await open();
    const frames = await brief.rest();
    const [frame] = frames as readonly { readonly type: string; readonly redelivered?: boolean }[];
    if (frame?.type === "skip") skipped += 1;
    if (time > 0 && frame?.redelivered !== true) unmarked += 1;
    await work(clock, brief, last, 2 * WORKING_S, async () => void (await brief.rest()));
    await brief.end();
    await gateway.gateway.registry.emptied(SECOND);
  }
  report.add(`handler of 5 min, cut off ${CUTS} times while it says that it works: set aside`, skipped, "", {
    equals: 0,
  });
  report.add("handler of 5 min, cut off: repetitions that are not marked", unmarked, "", { equals: 0 });
  report.add("handler of 5 min, cut off: is dead", Number((await stateOf(cut)) === "dead"), "", { equals: 0 });
}

/** Lets `seconds` pass, in which the handler says that it is at work on what comes after `seq`. */
async function work(
  clock: ManualClock,
  socket: PlainSocket,
  seq: number,
  seconds: number,
  look: () => Promise<void>,
): Promise<void> {
  for (let passed = 0; passed < seconds; passed += WORKING_S) {
    socket.send({ type: "ack", seq, working: true });
    // An answer to what is asked behind it says that it was read.
    await look();
    clock.advance(WORKING_S * SECOND);
    await look();
  }
}

async function state(gateway: TestGateway, token: string, messageId: string, consumer: string): Promise<string> {
  const { body } = await gateway.http<{ consumers: readonly { readonly consumer: string; readonly state: string }[] }>(
    "GET",
    `/api/messages/${messageId}/`,
    { token },
  );
  return body.data.consumers.find((found) => found.consumer === consumer)?.state ?? "none";
}
