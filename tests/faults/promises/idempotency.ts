import type { FaultServer } from "../support/fault-server.ts";
import { Fleet } from "../support/fleet.ts";
import { HttpConnection } from "../support/http-connection.ts";
import type { Report } from "../support/report.ts";

const AT_ONCE = 50;

interface Receipt {
  readonly message_id: string;
  readonly seq: number;
  readonly duplicate: boolean;
}

/** 50 requests at once under one key, again after each kind of restart, and with another body. */
export async function idempotency(report: Report, server: FaultServer, userId: number): Promise<void> {
  await using fleet = new Fleet(server, [userId]);
  await fleet.connect();
  const connections = Array.from({ length: AT_ONCE }, () => new HttpConnection(() => server.port, server.admin));
  const ask = async (message: string) => {
    const body = `{"type":"notice","user_id":${userId},"message":"${message}"}`;
    const headers = { "Idempotency-Key": "one key" };
    return Promise.all(connections.map((connection) => connection.post("/api/messages/", body, headers)));
  };
  const receipts = async () =>
    (await ask("once")).flatMap((answer) =>
      answer?.status === 200 ? [(JSON.parse(answer.body) as { data: Receipt }).data] : [],
    );
  const first = await receipts();
  const answers = [first];
  for (const end of [() => server.stop(), () => server.kill()]) {
    await end();
    await server.serve();
    for (const connection of connections) connection.close();
    answers.push(await receipts());
  }
  const distinct = (all: readonly Receipt[]) => new Set(all.map(({ message_id, seq }) => `${message_id} ${seq}`)).size;
  const others = await ask("another body");
  for (const connection of connections) connection.close();

  report.add(`one key: answered 2xx, ${AT_ONCE} at once`, first.length, "", { equals: AT_ONCE });
  report.add("one key: different answers", distinct(first), "", { equals: 1 });
  report.add("one key: answers that say it was the first", first.filter(({ duplicate }) => !duplicate).length, "", {
    equals: 1,
  });
  report.add("one key: different answers, those after a restart and after kill -9 too", distinct(answers.flat()), "", {
    equals: 1,
  });
  report.add("one key: answered 2xx in all", answers.flat().length, "", { equals: 3 * AT_ONCE });
  report.add("one key, another body: answered 409", others.filter((answer) => answer?.status === 409).length, "", {
    equals: AT_ONCE,
  });
  // A message that comes after all of them: what was to come has come before it.
  await server.api("POST", "/api/messages/", { type: "notice", user_id: userId, message: "last" });
  await fleet.handles(2, 10_000);
  report.add("one key: messages that the device handled", fleet.handled - 1, "", { equals: 1 });
}
