/**
 * `kill -9` while 1,000 messages are being enqueued over HTTP, again and again on one database: what was answered with 2xx
 * must be there after the restart, and reach its user once and in order.
 *
 *     npm run test:queue [-- --kills N] [-- --short] [-- --save NAME]
 */
import { TestSocket } from "../e2e/support/socket.ts";
import { FaultServer } from "./support/fault-server.ts";
import { HttpConnection } from "./support/http-connection.ts";
import { errorsIn, Report, runScript } from "./support/report.ts";

const KILLS = 20;
const SHORT_KILLS = 2;
const MESSAGES = 1_000;
const SENDERS = 50;
const LAST = "the last";

/** What one kill met and left. */
interface Round {
  /** In the order in which each sender asked. */
  readonly accepted: readonly (readonly number[])[];
  readonly unanswered: readonly number[];
  readonly refused: number;
  readonly came: readonly number[];
}

/** Kills so many times; the report's figures are what was answered and what came. */
export async function queueKills(kills: number): Promise<Report> {
  await using server = await FaultServer.start({ people: kills });
  const rounds: Round[] = [];
  for (let user = 1; user <= kills; user++) rounds.push(await killOnce(server, user));
  const report = new Report(
    `Queue: ${kills} × kill -9 while ${MESSAGES.toLocaleString("en-US")} messages are enqueued`,
  );
  const sum = (of: (round: Round) => number) => rounds.reduce((all, round) => all + of(round), 0);
  const each = (of: (round: Round) => readonly number[]) =>
    rounds.flatMap((round, index) => of(round).map((message) => `kill ${index + 1}, message ${message}`));
  report.add("kills", kills);
  report.add("kills with requests in flight", rounds.filter(({ unanswered }) => unanswered.length > 0).length, "", {
    // Of a few kills all may come at a quiet moment.
    atLeast: kills > SHORT_KILLS ? kills / 2 : 0,
  });
  report.add("answered 2xx", sum(acceptedOf), "", { atLeast: kills });
  report.add(
    "unanswered",
    sum(({ unanswered }) => unanswered.length),
  );
  report.add(
    "of these queued all the same",
    sum(({ unanswered, came }) => unanswered.filter((message) => came.includes(message)).length),
  );
  report.add(
    "refused",
    sum(({ refused }) => refused),
    "",
    { equals: 0 },
  );
  report.none(
    "2xx lost",
    each(({ accepted, came }) => accepted.flat().filter((message) => !came.includes(message))),
  );
  report.none(
    "came twice",
    each(({ came }) => came.filter((message, index) => came.indexOf(message) !== index)),
  );
  report.none("came, and was never asked for", each(strangers));
  report.none("came in another order than a sender asked", each(overtaken));
  report.none("errors in the server's log", errorsIn(server.log));
  return report;
}

const acceptedOf = ({ accepted }: Round) => accepted.flat().length;

function strangers({ accepted, unanswered, came }: Round): number[] {
  const asked = new Set([...accepted.flat(), ...unanswered]);
  return came.filter((message) => !asked.has(message));
}

function overtaken({ accepted, came }: Round): number[] {
  return accepted.flatMap((ofSender) => {
    const order = came.filter((message) => ofSender.includes(message));
    return order.filter((message, index) => message < (order[index - 1] ?? 0));
  });
}

/** Enqueues for a user of its own, kills somewhere in it, starts again, and reads what the user gets. */
async function killOnce(server: FaultServer, user: number): Promise<Round> {
  const killAt = Math.round(MESSAGES * (0.1 + 0.8 * Math.random()));
  const unanswered: number[] = [];
  let [next, answers, refused] = [0, 0, 0];
  let killed: Promise<void> | undefined;
  const enqueue = (connection: HttpConnection, message: number | string) =>
    connection.post("/api/queue/", JSON.stringify({ user_id: user, message: { type: "note", message } }));
  const send = async (): Promise<number[]> => {
    const accepted: number[] = [];
    const connection = new HttpConnection(() => server.port, server.admin);
    while (next < MESSAGES) {
      const message = ++next;
      const answer = await enqueue(connection, message).catch(() => undefined);
      // There is no server any more: this one was never asked for.
      if (answer === undefined) break;
      if (answer === null) {
        unanswered.push(message);
        break;
      }
      if (answer.status === 200) accepted.push(message);
      else refused += 1;
      answers += 1;
      // Somewhere in the few milliseconds that follow.
      if (answers === killAt) killed = Bun.sleep(Math.random() * 5).then(() => server.kill());
    }
    connection.close();
    return accepted;
  };
  const accepted = await Promise.all(Array.from({ length: SENDERS }, send));
  await killed;
  await server.serve();
  const connection = new HttpConnection(() => server.port, server.admin);
  if ((await enqueue(connection, LAST))?.status !== 200) throw new Error("the queue takes nothing after the restart");
  connection.close();
  using socket = await TestSocket.open(`ws://127.0.0.1:${server.port}`, { token: server.tokens[user - 1] ?? "" });
  const came: number[] = [];
  for (;;) {
    const { message } = await socket.next();
    if (message === LAST) return { accepted, unanswered, refused, came };
    came.push(Number(message));
  }
}

if (import.meta.main) {
  await runScript((short, { kills = 0 }) => queueKills(kills || (short ? SHORT_KILLS : KILLS)), ["kills"]);
}
