/**
 * The clients' ledger: clients of each language, each a process of its own that is driven as the conformance suite does it,
 * over a server that is killed again and again while pushes come in. Every push is held against what handlers were given.
 *
 *     npm run test:clients [-- --short] [-- --save NAME]
 */
import { Driver } from "../conformance/clients/support/driver.ts";
import { type DriverRow, drivers } from "../conformance/clients/support/drivers.ts";
import { FaultServer } from "../faults/support/fault-server.ts";
import { HttpConnection } from "../faults/support/http-connection.ts";
import { Ledger } from "../faults/support/ledger.ts";
import type { Arrival } from "../faults/support/lty-client.ts";
import { Report, runScript } from "../faults/support/report.ts";

interface Scale {
  readonly clients: number;
  readonly kills: number;
  readonly pushes: number;
}

const LONG: Scale = { clients: 24, kills: 10, pushes: 20_000 };
const SHORT: Scale = { clients: 4, kills: 2, pushes: 400 };
const SENDERS = 8;
const COMPLETE_MS = 90_000;
const RETRY_MS = 20;

/** Runs the ledger for every language that is there. */
export async function ledger(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const { clients, kills, pushes } = scale;
  const report = new Report(
    `Clients' ledger: ${clients} clients of each language, ${kills} × kill -9, ${pushes.toLocaleString("en-US")} pushes`,
  );
  for (const row of drivers) await runLanguage(row, scale, report);
  return report;
}

async function runLanguage(row: DriverRow, { clients, kills, pushes }: Scale, report: Report): Promise<void> {
  await using server = await FaultServer.start({ people: clients });
  await using stack = new AsyncDisposableStack();
  const book = new Ledger();
  const handled = new Map<string, number>();
  const tally = { reconnects: 0, redelivered: 0 };
  for (const [index, token] of server.tokens.entries()) {
    const options = { url: `http://127.0.0.1:${server.port}`, token, clock: "system" } as const;
    const driver = stack.use(await Driver.start(row, options));
    driver.heard = (event) => {
      if (event.event === "message") {
        book.arrived(index + 1, event as unknown as Arrival);
        if (event.redelivered === true) tally.redelivered += 1;
      } else if (event.event === "handled") {
        const id = String(event.message_id);
        handled.set(id, (handled.get(id) ?? 0) + 1);
      } else if (event.state === "waiting") tally.reconnects += 1;
    };
    await driver.on("notice", { kind: "ok" });
    await driver.connect();
  }
  const sent = await pushAll(server, book, { clients, kills, pushes });
  await book.complete(COMPLETE_MS);

  const { language } = row;
  report.add(`${language}: kills`, sent.kills, "", { equals: kills });
  report.add(`${language}: pushes accepted`, book.accepted, "", { equals: pushes });
  report.add(`${language}: pushed again under their idempotency key`, sent.retried);
  report.add(`${language}: reconnects`, tally.reconnects, "", { atLeast: kills });
  report.add(`${language}: handled that may have been seen before`, tally.redelivered);
  report.none(`${language}: accepted and never handled`, book.lost());
  report.none(`${language}: given to a handler twice`, book.handledTwice());
  report.none(`${language}: handled out of order`, book.disorder);
  report.none(`${language}: another seq or id than answered`, book.misnamed());
  const twice = [...handled].filter(([, count]) => count !== 1).map(([id, count]) => `${id}: ${count}`);
  report.none(`${language}: handlers that returned other than once`, twice);
}

/** Pushes everything, each under an idempotency key until it is accepted, and kills the server at even distances. */
async function pushAll(server: FaultServer, book: Ledger, { clients, kills, pushes }: Scale) {
  const said = { kills: 0, retried: 0 };
  let issued = 0;
  let answered = 0;
  let restarting: Promise<void> | undefined;
  const kill = async () => {
    said.kills += 1;
    await server.kill();
    await server.serve();
    restarting = undefined;
  };
  const send = async (connection: HttpConnection) => {
    while (issued < pushes) {
      const userId = 1 + (issued % clients);
      issued += 1;
      const n = book.issue(userId);
      for (;;) {
        await restarting;
        const body = `{"type":"notice","user_id":${userId},"message":{"n":${n}}}`;
        const answer = await connection
          .post("/api/messages/", body, { "Idempotency-Key": `push-${n}` })
          .catch(() => null);
        if (answer !== null) {
          book.answered(n, answer);
          break;
        }
        said.retried += 1;
        await Bun.sleep(RETRY_MS);
      }
      answered += 1;
      if (said.kills < kills && answered >= ((said.kills + 1) * pushes) / (kills + 1)) restarting ??= kill();
    }
    connection.close();
  };
  const connections = Array.from({ length: SENDERS }, () => new HttpConnection(() => server.port, server.admin));
  await Promise.all(connections.map(send));
  await restarting;
  return said;
}

if (import.meta.main) await runScript(ledger);
